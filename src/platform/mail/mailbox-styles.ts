export const mailboxStyles = `
:root {
  color-scheme: light dark;
  --ground: #f4f7f6; --card: #fff; --ink: #16302b; --quiet: #5a6f6a; --line: #dbe4e1; --accent: #0b6b57; --accent-ink: #fff;
}
@media (prefers-color-scheme: dark) {
  :root { --ground: #0f1a18; --card: #172522; --ink: #e4efec; --quiet: #9db3ad; --line: #2b3d39; --accent: #59c9ac; --accent-ink: #08201a; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.bar { background: var(--card); border-bottom: 1px solid var(--line); }
.bar > div, main { max-width: 68rem; margin: 0 auto; padding: 0 1.25rem; }
.bar > div { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: center; padding-block: .9rem; }
.bar a.name { font-weight: 650; color: inherit; text-decoration: none; font-size: 1.1rem; }
.bar p { margin: 0; color: var(--quiet); font-size: .9rem; flex: 1 1 14rem; }
main { padding-block: 1.5rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 2rem 0 .6rem; }
.quiet { color: var(--quiet); }
form.search { display: flex; gap: .5rem; margin: 0 0 1rem; flex-wrap: wrap; align-items: end; }
form.search label { flex: 1 1 16rem; font-size: .85rem; color: var(--quiet); }
input[type=search] { display: block; width: 100%; margin-top: .2rem; padding: .55rem .75rem; font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
button, a.button { display: inline-block; padding: .55rem 1.1rem; font: inherit; font-weight: 600; color: var(--accent-ink); background: var(--accent); border: 1px solid transparent; border-radius: .5rem; text-decoration: none; cursor: pointer; }
a.plain { color: var(--accent); background: none; border-color: var(--line); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; overflow: hidden; }
ol.messages { list-style: none; margin: 0; padding: 0; }
ol.messages li + li { border-top: 1px solid var(--line); }
ol.messages a { display: grid; grid-template-columns: minmax(0, 17rem) minmax(0, 1fr) auto; gap: .1rem 1.25rem; padding: .75rem 1.1rem; color: inherit; text-decoration: none; }
ol.messages a:hover { background: color-mix(in srgb, var(--accent) 8%, transparent); }
ol.messages .to { font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
ol.messages .subject { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
ol.messages time { color: var(--quiet); font-size: .85rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
.empty { padding: 2.5rem 1.25rem; text-align: center; color: var(--quiet); }
.pages { display: flex; gap: .75rem; margin-top: 1rem; }
dl.envelope { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .25rem 1rem; margin: 0; padding: 1rem 1.1rem; }
dl.envelope dt { color: var(--quiet); }
dl.envelope dd { margin: 0; overflow-wrap: anywhere; }
iframe { display: block; width: 100%; height: 78vh; min-height: 24rem; border: 0; background: #fff; }
pre { margin: 0; padding: 1rem 1.1rem; white-space: pre-wrap; overflow-wrap: anywhere; font: .875rem/1.55 ui-monospace, "SF Mono", Consolas, monospace; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .45rem 1.1rem; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
tr:first-child > * { border-top: 0; }
th { width: 13rem; font-weight: 600; color: var(--quiet); }
nav.parts { display: flex; flex-wrap: wrap; gap: .35rem 1.1rem; margin: 1rem 0; }
@media (max-width: 40rem) {
  ol.messages a { grid-template-columns: minmax(0, 1fr) auto; }
  ol.messages .subject { grid-column: 1 / -1; }
  dl.envelope { grid-template-columns: 1fr; gap: 0; }
  dl.envelope dd { margin-bottom: .5rem; }
  th, td { display: block; width: auto; padding-block: .3rem; }
  td { border-top: 0; padding-top: 0; }
}
`;
