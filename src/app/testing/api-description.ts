import assert from 'node:assert/strict';

export type Schema = {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
};

export type Parameter = {
  readonly $ref?: string;
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: Schema;
};

export type Response = {
  readonly $ref?: string;
  readonly description?: string;
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>;
};

export type Operation = {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, Response>>;
};

export type ApiDescription = {
  readonly openapi: string;
  readonly info: Readonly<Record<string, unknown>>;
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};

export type Endpoint = Operation & {
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly scope: string | undefined;
  readonly query: readonly Parameter[];
  readonly pathParameters: readonly Parameter[];
  readonly headers: readonly Parameter[];
  /** Types of a body that is no JSON. */
  readonly bodyTypes: readonly string[];
  /** Of a JSON body. */
  readonly body: Schema | undefined;
};

/** Of a body that may be left out, written as "this, or null", what it is when it is there. */
function objectOf(schema: Schema | undefined): Schema | undefined {
  const objects = schema?.anyOf?.filter(({ type }) => type === 'object') ?? [];
  return objects.length === 1 ? objects[0] : schema;
}

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

export function endpointsOf({ paths }: ApiDescription): Endpoint[] {
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([name, operation]) => {
      const method = methods.find((each) => each === name.toUpperCase());
      assert.ok(method, `${name} ${path}`);
      const parameters = (operation.parameters ?? []).filter(({ $ref }) => $ref === undefined);
      return {
        ...operation,
        name: `${method} ${path}`,
        method,
        path,
        scope: operation.security?.[0]?.apiKey?.[0],
        query: parameters.filter((parameter) => parameter.in === 'query'),
        pathParameters: parameters.filter((parameter) => parameter.in === 'path'),
        headers: parameters.filter((parameter) => parameter.in === 'header'),
        bodyTypes: Object.keys(operation.requestBody?.content ?? {}).filter((type) => type !== 'application/json'),
        body: objectOf(operation.requestBody?.content['application/json']?.schema),
      };
    }),
  );
}
