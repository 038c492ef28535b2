export { createRedisConnections, type RedisClient, type RedisConnections } from './redis-connections.ts';
