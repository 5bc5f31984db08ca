// What a storage of oidc-provider here has to do, on one database.
import { describe } from 'vitest'
import { oidcInFlight } from './oidc-in-flight.ts'
import { oidcModels } from './oidc-models.ts'
import { oidcOnce } from './oidc-once.ts'
import { oidcSignOut } from './oidc-sign-out.ts'
import { openStorage } from './oidc-storage.ts'

/** `open` gives the URL of a new, empty database. */
export function oidcAdapterContract(name: string, open: () => Promise<string>): void {
  describe(name, () => {
    const storage = openStorage(open)
    for (const part of [oidcModels, oidcOnce, oidcInFlight, oidcSignOut]) part(storage)
  })
}
