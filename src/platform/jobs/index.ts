export { type Background, type BackgroundOptions, createBackground, jobLocation, type Queued, QueuedSchema } from './background.ts';
export { defineJob, type JobContext, type JobDefinition, type JobHandler, type JobRegistration, registerJob } from './definition.ts';
export { createJobs, type Jobs, type JobView, type QueueView, type SendJobOptions } from './jobs.ts';
export { migrateJobs } from './migrate.ts';
