import { actorOf, type HttpServer } from '#platform/http-server';
import { Workspace, WorkspaceChange } from './article-schema.ts';
import type { WorkspaceSettings } from './workspace-settings.ts';

const tags = ['workspace'];

export type WorkspaceRoutesDependencies = {
  readonly getWorkspaceSettings: () => Promise<WorkspaceSettings>;
  readonly saveWorkspaceSettings: (change: Partial<WorkspaceSettings>, actor: string) => Promise<WorkspaceSettings>;
};

export function registerWorkspace(app: HttpServer, { getWorkspaceSettings, saveWorkspaceSettings }: WorkspaceRoutesDependencies): void {
  app.get(
    '/api/v1/workspace',
    { config: { access: 'content:read' }, schema: { tags, summary: 'Settings of the workspace', response: { 200: Workspace } } },
    getWorkspaceSettings,
  );
  app.patch(
    '/api/v1/workspace',
    {
      config: { access: 'content:write' },
      schema: { tags, summary: 'Change settings of the workspace', body: WorkspaceChange, response: { 200: Workspace } },
    },
    (request) => saveWorkspaceSettings(request.body, actorOf(request)),
  );
}
