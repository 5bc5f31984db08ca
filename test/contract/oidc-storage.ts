// What the parts of the storage's contract share: one database, two factories on it, a clock of its own.
import { randomBytes } from 'node:crypto'
import type { Adapter, AdapterPayload } from 'oidc-provider'
import { afterAll, beforeAll } from 'vitest'
import { type Database, openDatabase } from '../../adapters/sql/database.ts'
import { migrate } from '../../adapters/sql/migrate.ts'
import { type OidcAdapterFactory, oidcAdapter } from '../../adapters/sql/oidc.ts'

/** Every model of oidc-provider 9.13, and one that does not exist yet. */
export const models = [
  'Grant',
  'Session',
  'Interaction',
  'AccessToken',
  'AuthorizationCode',
  'RefreshToken',
  'DeviceCode',
  'ClientCredentials',
  'BackchannelAuthenticationRequest',
  'PushedAuthorizationRequest',
  'ReplayDetection',
  'Client',
  'InitialAccessToken',
  'RegistrationAccessToken',
  'PreAuthorizedCode',
  'SomethingNew',
] as const

export const id = (): string => randomBytes(32).toString('base64url')
export const flipped = (text: string): string =>
  text.replace(/[a-z]/i, (letter) => (letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase()))
export const payload = (fields: Record<string, unknown>): AdapterPayload => fields as AdapterPayload

export type Storage = {
  db: Database
  /** Two factories on one database; where it can be opened twice, on two handles. */
  first: OidcAdapterFactory
  second: OidcAdapterFactory
  clock: { at: number; now(): number }
  of(model: string): Adapter
  /** Saves a payload under a new id. */
  save(model: string, fields: Record<string, unknown>, expiresIn?: number): Promise<string>
}

/** Opened before the tests and closed after them; `open` gives the URL of a new, empty database. */
export function openStorage(open: () => Promise<string>): Storage {
  const clock = { at: 1_700_000_000_000, now: () => clock.at }
  const storage = { clock } as Storage
  let other: Database
  beforeAll(async () => {
    const url = await open()
    storage.db = openDatabase(url)
    await migrate(storage.db)
    other = url.includes(':memory:') ? storage.db : openDatabase(url)
    storage.first = oidcAdapter(storage.db, { clock })
    storage.second = oidcAdapter(other, { clock })
  })
  afterAll(async () => {
    if (other !== storage.db) await other.close()
    await storage.db.close()
  })
  storage.of = (model) => storage.first(model)
  storage.save = async (model, fields, expiresIn = 3600) => {
    const jti = id()
    await storage.of(model).upsert(jti, payload({ jti, ...fields }), expiresIn)
    return jti
  }
  return storage
}
