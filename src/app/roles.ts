/** One image, many roles: what a process serves and runs. */
export const roles = [
  'api',
  'web-scraper',
  'ai-processor',
  'content-manager',
  'distributor',
  'subscriber-manager',
  'analytics',
  'scheduler',
  'mailbox',
] as const;

export type Role = (typeof roles)[number];

/** The roles that run jobs: on one machine, one process has them all. */
export const workerRoles: readonly Role[] = [
  'web-scraper',
  'ai-processor',
  'content-manager',
  'distributor',
  'subscriber-manager',
  'analytics',
  'scheduler',
];

export function isRole(name: string): name is Role {
  return (roles as readonly string[]).includes(name);
}
