import type { FastifyRequest } from 'fastify';
import ipaddr from 'ipaddr.js';

function isLoopback(address: string | undefined): boolean {
  if (address === undefined || !ipaddr.isValid(address)) return false;
  return ipaddr.process(address).range() === 'loopback';
}

function isLoopbackHost(host: string): boolean {
  const name = host
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase();
  return name === 'localhost' || name.endsWith('.localhost') || isLoopback(name);
}

/**
 * Whether the caller sits at this machine. The peer's address alone does not say so: a proxy on this machine hands on
 * callers from anywhere (it names them in a forwarding header), and a page of a foreign site can have its own name resolve
 * to loopback (the Host header betrays it).
 */
export function isLocalCaller(request: FastifyRequest): boolean {
  const isForwarded = ['forwarded', 'x-forwarded-for', 'x-real-ip'].some((name) => request.headers[name] !== undefined);
  return isLoopback(request.socket.remoteAddress) && isLoopback(request.ip) && !isForwarded && isLoopbackHost(request.host);
}
