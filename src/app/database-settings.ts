import { type DatabaseOptions, poolSizes, type SessionSettings } from '#platform/database';
import type { Config } from './config.ts';

export function sessionSettingsOf({ database }: Config): SessionSettings {
  const { statementTimeoutMs, lockTimeoutMs, idleInTransactionTimeoutMs, workMemMb } = database;
  return { statementTimeoutMs, lockTimeoutMs, idleInTransactionTimeoutMs, workMemMb, isJitOn: false };
}

export function databaseOptionsOf(config: Config, url: string): Omit<DatabaseOptions, 'applicationName' | 'logger' | 'metrics'> {
  const { database } = config;
  const { base, burst } = poolSizes[config.environment];
  const baseConnections = database.poolBase ?? base;
  return {
    ...sessionSettingsOf(config),
    url,
    ...(database.directUrl !== undefined && { directUrl: database.directUrl }),
    replicaUrls: database.replicaUrls,
    isPooled: database.isPooled,
    baseConnections,
    maxConnections: baseConnections + (database.poolBurst ?? burst),
    acquireTimeoutMs: database.acquireTimeoutMs,
    connectTimeoutMs: database.connectTimeoutMs,
    connectionLifetimeS: database.connectionLifetimeS,
    heldWarningMs: database.heldWarningMs,
    maxReplicaLagMs: database.maxReplicaLagMs,
    slowQueryMs: database.slowQueryMs,
    diskFolder: config.dataDir,
  };
}
