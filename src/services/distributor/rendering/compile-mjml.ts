import compile from 'mjml';
import { messageOf } from '#shared/errors';
import { templateFault } from './template-engine.ts';

type MjmlFault = { readonly line: number; readonly message: string };

/** @throws AppError `template_faulty` with the line in `source`, the file before its Liquid was filled in */
export async function compileMjml(file: string, source: string, filled: string): Promise<string> {
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
