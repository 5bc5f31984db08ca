// What every page here is given, and the shape of a step of a sign-in.
import type { Provider } from 'oidc-provider'
import type { Core } from '../src/core.ts'
import type { Plugin } from '../src/plugin.ts'
import type { AccountInForce, Organisation, SiteProbe, Uploads } from '../src/ports.ts'
import type { Reconciler, ServiceHandle } from '../src/reconcile.ts'
import type { Queues } from '../src/usecases/held-messages.ts'
import type { ReminderReport } from '../src/usecases/remind.ts'
import type { House } from '../src/web/house.ts'
import type { Page } from '../src/web/page.ts'
import type { SiteSessions } from '../src/web/site-sessions.ts'

/** What drives the services, for the staff's pages. */
export type Machinery = {
  reconciler: Reconciler
  /** Those of schedar.yaml; the provider itself is not among them. */
  services: readonly (ServiceHandle & { plugin: string; config: unknown })[]
  /** Those of them that the Schedar on another machine drives. */
  elsewhere: ReadonlySet<string>
  pluginNames(): string[]
  loadPlugin(name: string): Promise<Plugin>
  /** The queues of mail servers. */
  queues: Queues
}

export type Desk = {
  core: Core
  machinery: Machinery
  /** The provider in service: rotation of keys swaps it. */
  provider: () => Provider
  house: House
  /** Of people at sites behind forward authentication. */
  siteSessions: SiteSessions
  organisation: () => Promise<Pick<Organisation, 'name' | 'contactEmail' | 'timeZone'>>
  /** The network address of the person, behind the proxies that are trusted. */
  address: (ctx: { req: import('node:http').IncomingMessage }) => string
  /** Looks for the proofs of sites that members connect by themselves. */
  siteProbe: SiteProbe
  /** Statements between their upload and their import. */
  uploads: Uploads
  /** Today's calls and reminders of dues. */
  remind: () => Promise<ReminderReport>
}

/** Now, as the provider counts: seconds. It is the `auth_time` of a proof, which a later consent must not move. */
export const moment = ({ core }: Desk): number => Math.floor(core.clock.now() / 1000)

/** oidc-provider's record of one authorization request that waits for a person. */
export type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>

/** One step of a sign-in: what its guard found. */
export type Step = {
  interaction: Interaction
  clientName: string
  /** A service of the house's own. */
  firstParty: boolean
  account: AccountInForce | undefined
}

export type StepPage = Pick<Page<Step>, 'show'> & { submit: NonNullable<Page<Step>['submit']> }

/** Chromium counts redirects against CSP form-action: where a form may lead in the end must be named. */
export function originsOf(address: unknown): string[] {
  const uri = URL.parse(String(address ?? ''))
  if (!uri) return []
  return [uri.origin === 'null' ? uri.protocol : uri.origin]
}

export const formOrigins = (interaction: Interaction): string[] => originsOf(interaction.params.redirect_uri)
