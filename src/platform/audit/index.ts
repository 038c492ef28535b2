export { type AuditEntry, recordAudit } from './audit-log.ts';
