import type { IssueContent, VariantContent } from '../distributor-types.ts';
import { compileMjml } from './compile-mjml.ts';
import { defaultTextTemplate } from './default-text-template.ts';
import { checkPlaces, checkWritten, versionsOf, type WrittenParts, writtenAsHtml, writtenAsText } from './issue-parts.ts';
import type { IssueToCompile } from './issue-to-compile.ts';
import { createRecipientCheck, recipientPartOf, sampleReaders, sampleUnsubscribeUrl } from './known-to-recipients.ts';
import { checkVariables, type KnownVariables, namesOfGroup, variablesWithDefault } from './known-variables.ts';
import { createLinkRegister, type LinkRegister, rewriteHtmlLinks, rewriteTextLinks } from './link-rewriting.ts';
import { createLiquidStretches, type LiquidStretches, withoutMarks } from './liquid-stretches.ts';
import { createMessageRenderer } from './message-renderer.ts';
import {
  guardBraces,
  issueHtmlEngine,
  issueTextEngine,
  readTemplate,
  releaseBracesInHtml,
  releaseBracesInText,
  templateFault,
} from './template-engine.ts';

/**
 * For a thread of its own (`compile-issue-worker.ts`): half a second to load, tens of milliseconds to run.
 *
 * Fills in the issue's values, compiles the MJML and numbers the links, for each variant of the issue. Everything that can be
 * wrong with the template shows here: what is returned has been rendered for readers of whom all is known and of whom nothing is.
 * @throws AppError `template_faulty` with the file, the line in it and the reason
 */
export async function compileIssue(issue: IssueToCompile): Promise<IssueContent> {
  const files = readFiles(issue);
  const versions = versionsOf(issue);
  checkWritten(versions, issue, createRecipientCheck(issue));
  checkFiles(files, versions, issue);
  const register = createLinkRegister(new Map(issue.articles.map(({ id, url }) => [url, id])));
  const variants: VariantContent[] = [];
  for (const version of versions) variants.push(await compileVersion(issue, files, version, register));
  const urls = register.links.map(({ url }) => url);
  for (const version of variants) checkRendered(files, version, issue, urls);
  return { variants, links: register.links };
}

type TemplateFile = { readonly file: string; readonly source: string; readonly slots: ReadonlySet<string> };
type Files = { readonly mjml: TemplateFile; readonly text: TemplateFile };

function readFiles({ template: { name, mjml, textTemplate } }: IssueToCompile): Files {
  const read = (file: string, source: string, engine: typeof issueHtmlEngine): TemplateFile => ({
    file,
    source,
    slots: namesOfGroup(engine, file, source, 'blocks'),
  });
  return {
    mjml: read(`${name}.mjml`, mjml, issueHtmlEngine),
    text: read(`${name}.txt.liquid`, textTemplate.trim() === '' ? defaultTextTemplate : textTemplate, issueTextEngine),
  };
}

function checkFiles({ mjml, text }: Files, versions: readonly WrittenParts[], issue: IssueToCompile): void {
  const check = createRecipientCheck(issue);
  for (const { file, source, slots } of [mjml, text]) {
    const engine = file === mjml.file ? issueHtmlEngine : issueTextEngine;
    checkVariables(engine, file, source, knownToIssues(slots, issue));
    check(file, recipientPartOf(source));
  }
  checkPlaces(mjml.file, mjml.source, versions, issue);
  if (issue.textOverride === null) checkPlaces(text.file, text.source, versions, issue);
}

async function compileVersion(issue: IssueToCompile, files: Files, version: WrittenParts, register: LinkRegister): Promise<VariantContent> {
  const stretches = createLiquidStretches();
  const { mjml } = files;
  const written = writtenAsHtml(version, issue.blocks, mjml.slots, stretches);
  const filled = readTemplate(issueHtmlEngine, mjml.file, mjml.source, valuesOf(issue, written, mjml.source));
  const compiled = await compileMjml(mjml.file, mjml.source, filled);
  const html = rewriteHtmlLinks(issue.tracking === 'off' ? withoutPixel(compiled) : withHoneypot(compiled), register, mjml.file, {
    liquidOf: stretches.find,
    addressOf: (liquid) => addressOfVariable(liquid, issue.variables),
  });
  return {
    subject: version.subject,
    html: stretches.restore(releaseBracesInHtml(html)),
    text: compileText(issue, files.text, version, register, stretches),
  };
}

/** Liquid is out of the way before addresses are looked for: one may stand in a string of it. */
function compileText(
  issue: IssueToCompile,
  { file, source, slots }: TemplateFile,
  version: WrittenParts,
  register: LinkRegister,
  stretches: LiquidStretches,
): string {
  const written = writtenAsText(version, issue.blocks, slots, stretches);
  const text =
    issue.textOverride === null
      ? readTemplate(issueTextEngine, file, source, valuesOf(issue, written, source))
      : guardBraces(stretches.protect(withoutMarks(issue.textOverride)));
  const open = stretches.protect(text.replace(/\n{3,}/g, '\n\n').trim());
  return stretches.restore(releaseBracesInText(rewriteTextLinks(open, register)));
}

const pixel = /<img\b[^>]*\{\{-?\s*open_url\s*-?\}\}[^>]*>/gi;
const withoutPixel = (html: string) => html.replace(pixel, '');

/** Only machines follow what no reader sees: they are told from people by it. */
const honeypot = '<a href="{{ honeypot_url }}" rel="nofollow" tabindex="-1" aria-hidden="true" style="display:none"></a>';
const withHoneypot = (html: string) => html.replace(/(?=<\/body>)/i, honeypot);

/** A link that is a variable of the issue and nothing else leads where that leads. */
function addressOfVariable(liquid: string, variables: Readonly<Record<string, unknown>>): string | undefined {
  const name = /^\{\{-?\s*variables\.(\w+)\s*-?\}\}$/.exec(liquid)?.[1];
  const value = name === undefined || !Object.hasOwn(variables, name) ? undefined : variables[name];
  return typeof value === 'string' ? value : undefined;
}

function checkRendered({ mjml, text }: Files, version: VariantContent, issue: IssueToCompile, links: readonly string[]): void {
  const render = createMessageRenderer(version);
  for (const reader of sampleReaders(issue, links)) {
    const message = render(reader);
    const parts = [
      [mjml.file, message.html],
      [issue.textOverride === null ? text.file : 'text', message.text],
    ] as const;
    for (const [file, content] of parts) {
      if (content.includes(sampleUnsubscribeUrl)) continue;
      throw templateFault(file, undefined, 'there is no {% raw %}{{ unsubscribe_url }}{% endraw %}: every mail offers a way out');
    }
  }
}

function knownToIssues(slots: ReadonlySet<string>, { variables }: IssueToCompile): KnownVariables {
  return {
    plain: ['body', 'postal_address'],
    lists: [],
    groups: {
      site: ['title', 'tagline', 'language', 'url', 'address'],
      issue: ['subject', 'preheader', 'date'],
      variables: Object.keys(variables),
      blocks: [...slots],
      articles: undefined,
    },
  };
}

/** What a template may name at the first reading. */
function valuesOf(issue: IssueToCompile, { subject, preheader, body, blocks }: ReturnType<typeof writtenAsHtml>, source: string) {
  const { date, articles, site, postalAddress, variables } = issue;
  return {
    site: {
      title: site.title,
      tagline: site.tagline,
      language: site.language,
      url: `${site.baseUrl}/`,
      // For people to read: without the protocol.
      address: site.baseUrl.replace(/^https?:\/\//, ''),
    },
    issue: { subject, preheader, date: formatDate(date, site.language) },
    body,
    blocks,
    variables: { ...Object.fromEntries([...variablesWithDefault(source)].map((name) => [name, null])), ...variables },
    articles: articles.map(({ title, summary, url, category, language, image = null }) => ({
      title,
      summary,
      url,
      category,
      language,
      image,
    })),
    postal_address: postalAddress,
  };
}

function formatDate(date: Date, language: string): string {
  const [locale = 'en'] = Intl.DateTimeFormat.supportedLocalesOf([language, 'en']);
  // Day before month, as most of the world writes it.
  return new Intl.DateTimeFormat(locale === 'en' ? 'en-GB' : locale, { dateStyle: 'long', timeZone: 'UTC' }).format(date);
}
