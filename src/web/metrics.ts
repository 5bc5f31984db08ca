// Prometheus metrics: requests, sign-ins, effects on services, standings. No name of a person is ever a label.
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Store } from '../ports.ts'

export type Metrics = {
  request(route: string, status: number, ms: number): void
  effect(done: { service: string; effect: string; ms: number }): void
  text(): Promise<string>
}

export function createMetrics(store: Pick<Store, 'standings' | 'outbox'>): Metrics {
  const registers = [new Registry()]
  collectDefaultMetrics({ register: registers[0]! })
  const requests = new Histogram({
    name: 'schedar_request_seconds',
    help: 'Time to answer a request',
    labelNames: ['route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2],
    registers,
  })
  const effects = new Histogram({
    name: 'schedar_effect_seconds',
    help: 'Time from the commit of a fact until a service acknowledged it',
    labelNames: ['service', 'effect'],
    buckets: [0.05, 0.2, 0.5, 1, 4, 60],
    registers,
  })
  new Gauge({
    name: 'schedar_members',
    help: 'Members by standing',
    labelNames: ['standing'],
    registers,
    async collect() {
      for (const [standing, n] of Object.entries(await store.standings.count())) this.set({ standing }, n)
    },
  })
  new Gauge({
    name: 'schedar_outbox_rows',
    help: 'Effects not yet acknowledged by their service',
    registers,
    async collect() {
      this.set((await store.outbox.pending({ limit: 10_000 })).length)
    },
  })
  const routes = new Set([
    'page',
    '/auth',
    '/auth/:id',
    '/token',
    '/token/introspection',
    '/token/revocation',
    '/me',
    '/jwks',
    '/.well-known/openid-configuration',
    '/request',
    '/session/end',
    '/session/end/confirm',
    '/session/end/success',
  ])
  const children = new Map<string, { observe(seconds: number): void }>()
  return {
    request(route, status, ms) {
      const label = routes.has(route) ? route : 'other'
      const key = `${label} ${status}`
      const child = children.get(key) ?? requests.labels({ route: label, status: String(status) })
      children.set(key, child)
      child.observe(ms / 1000)
    },
    effect: ({ service, effect, ms }) =>
      effects.labels({ service: service.startsWith('logout/') ? 'logout' : service, effect }).observe(ms / 1000),
    text: () => registers[0]!.metrics(),
  }
}
