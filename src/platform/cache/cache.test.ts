import { reasonToSkip } from '../../../tests/support/programs.ts';
import { redisServer, startRedis, startRedisCluster, startRedisSentinel } from '../../../tests/support/redis-servers.ts';
import { describeCacheContract } from './testing/cache-contract.ts';

describeCacheContract({ title: 'memory alone', skip: false, start: async () => ({ url: undefined, stop: async () => undefined }) });
describeCacheContract({ title: 'Redis, a single server', skip: reasonToSkip(redisServer), start: () => startRedis() });
describeCacheContract({ title: 'Redis with sentinels', skip: reasonToSkip(redisServer), start: startRedisSentinel });
describeCacheContract({ title: 'Redis Cluster', skip: reasonToSkip(redisServer), start: startRedisCluster });
