import compile from 'mjml';
import { messageOf } from '#shared/errors';
import type { IssueContent, PublishedArticle, Site } from '../distributor-types.ts';
import { createLinkRegister, rewriteHtmlLinks, rewriteTextLinks } from './link-rewriting.ts';
import { createMessageRenderer } from './message-renderer.ts';
import {
  issueHtmlEngine,
  issueTextEngine,
  readTemplate,
  recipientHtmlEngine,
  releaseBracesInHtml,
  releaseBracesInText,
  templateFault,
} from './template-engine.ts';

export type TemplateSource = { readonly name: string; readonly mjml: string; readonly textTemplate: string };

export type IssueToCompile = {
  readonly template: TemplateSource;
  readonly subject: string;
  readonly preheader: string;
  readonly date: Date;
  readonly articles: readonly PublishedArticle[];
  readonly site: Site;
  readonly postalAddress: string;
};

type MjmlFault = { readonly line: number; readonly message: string };

const rawBlock = /\{%-?\s*raw\s*-?%\}([\s\S]*?)\{%-?\s*endraw\s*-?%\}/g;
const blankLines = (text: string) => text.replace(/[^\n]+/g, '');

/**
 * For a thread of its own (`compile-issue-worker.ts`): half a second to load, tens of milliseconds to run.
 *
 * Fills in the issue's values, compiles the MJML and numbers the links. Everything that can be wrong with the template shows
 * here: what is returned has been rendered for a recipient with a name and for one without.
 * @throws AppError `template_faulty` with the file, the line in it and the reason
 */
export async function compileIssue(issue: IssueToCompile): Promise<IssueContent> {
  const mjmlFile = `${issue.template.name}.mjml`;
  const textFile = `${issue.template.name}.txt.liquid`;
  const values = valuesOf(issue);
  const filledMjml = readTemplate(issueHtmlEngine, mjmlFile, issue.template.mjml, values);
  const filledText = readTemplate(issueTextEngine, textFile, issue.template.textTemplate, values);
  checkRecipientParts(mjmlFile, issue.template.mjml);
  checkRecipientParts(textFile, issue.template.textTemplate);

  const register = createLinkRegister(new Map(issue.articles.map(({ id, url }) => [url, id])));
  const html = rewriteHtmlLinks(await compileMjml(mjmlFile, issue.template.mjml, filledMjml), register, mjmlFile);
  const text = rewriteTextLinks(filledText.replace(/\n{3,}/g, '\n\n'), register);
  const content = { html: releaseBracesInHtml(html), text: releaseBracesInText(text), links: register.links };
  const render = createMessageRenderer(content);
  for (const name of [null, 'A. Reader']) {
    render({ name, unsubscribeUrl: sampleUnsubscribeUrl, openUrl: 'https://open.invalid/', links: register.links.map(({ url }) => url) });
  }
  return content;
}

const sampleUnsubscribeUrl = 'https://unsubscribe.invalid/';

/** Reads only what is left for the second reading, at the lines where it stands. */
function checkRecipientParts(file: string, source: string): void {
  let recipientPart = '';
  let end = 0;
  for (const match of source.matchAll(rawBlock)) {
    recipientPart += blankLines(source.slice(end, match.index)) + blankLines(match[0].slice(0, match[0].indexOf('%}'))) + (match[1] ?? '');
    end = match.index + match[0].length;
  }
  for (const name of [null, 'A. Reader']) {
    const sample = { name, unsubscribe_url: sampleUnsubscribeUrl, open_url: 'https://open.invalid/', links: [] };
    if (!readTemplate(recipientHtmlEngine, file, recipientPart, sample).includes(sampleUnsubscribeUrl)) {
      throw templateFault(file, undefined, 'there is no {% raw %}{{ unsubscribe_url }}{% endraw %}: every mail offers a way out');
    }
  }
}

async function compileMjml(file: string, source: string, filled: string): Promise<string> {
  const options = {
    validationLevel: 'strict',
    fonts: {},
    keepComments: false,
    minify: true,
    minifyOptions: { minifyCss: false },
  } as const;
  try {
    return (await compile(filled, options)).html;
  } catch (error) {
    // The lines of the filled text are not those of the file: look for the fault in the file, its Liquid taken out.
    const bare = source.replace(/\{%[\s\S]*?%\}/g, (tag) => tag.replace(/[^\n]+/g, '')).replace(/\{\{[\s\S]*?\}\}/g, 'x');
    const fault = await compile(bare, options).then(
      () => undefined,
      (inSource: unknown) => firstFaultOf(inSource),
    );
    throw templateFault(file, fault?.line, fault?.message ?? firstFaultOf(error)?.message ?? messageOf(error));
  }
}

function firstFaultOf(error: unknown): MjmlFault | undefined {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors)
    ? (error.errors[0] as MjmlFault | undefined)
    : undefined;
}

/** What a template may name at the first reading. */
function valuesOf({ subject, preheader, date, articles, site, postalAddress }: IssueToCompile) {
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
    articles: articles.map(({ title, summary, url, category, language }) => ({ title, summary, url, category, language })),
    postal_address: postalAddress,
  };
}

function formatDate(date: Date, language: string): string {
  const [locale = 'en'] = Intl.DateTimeFormat.supportedLocalesOf([language, 'en']);
  // Day before month, as most of the world writes it.
  return new Intl.DateTimeFormat(locale === 'en' ? 'en-GB' : locale, { dateStyle: 'long', timeZone: 'UTC' }).format(date);
}
