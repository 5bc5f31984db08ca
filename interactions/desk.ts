// What every page here is given, and the shape of a step of a sign-in.
import type { Provider } from 'oidc-provider'
import type { Core } from '../src/core.ts'
import type { AccountInForce, Organisation } from '../src/ports.ts'
import type { House } from '../src/web/house.ts'
import type { Page } from '../src/web/page.ts'

export type Desk = {
  core: Core
  /** The provider in service: rotation of keys swaps it. */
  provider: () => Provider
  house: House
  organisation: () => Promise<Pick<Organisation, 'name' | 'contactEmail' | 'timeZone'>>
  /** The network address of the person, behind the proxies that are trusted. */
  address: (ctx: { req: import('node:http').IncomingMessage }) => string
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
