export { createRedisConnections, type RedisClient, type RedisConnections } from './redis-connections.ts';
export { acceptedRedisUrls, parseRedisUrl } from './redis-url.ts';
