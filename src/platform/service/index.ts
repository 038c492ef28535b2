export type { Schedule, ServiceDependencies, ServiceModule } from './service-module.ts';
