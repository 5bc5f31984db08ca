// oidc-provider's storage in a Map, for tests of relying parties; a test may look into it and take things out.
import type { Adapter, AdapterPayload } from 'oidc-provider'

/** A class of adapters that share one Map; its keys are `Model:id`. */
export function memoryAdapter(store: Map<string, AdapterPayload>) {
  return class MemoryAdapter implements Adapter {
    readonly model: string
    constructor(model: string) {
      this.model = model
    }
    #key = (id: string) => `${this.model}:${id}`
    async upsert(id: string, payload: AdapterPayload, expiresIn: number) {
      store.set(this.#key(id), { ...payload, ...(expiresIn && { exp: Math.floor(Date.now() / 1000) + expiresIn }) })
    }
    async find(id: string) {
      const found = store.get(this.#key(id))
      return found && (!found.exp || found.exp > Date.now() / 1000) ? found : undefined
    }
    async findByUid(uid: string) {
      return [...store].find(([key, payload]) => key.startsWith(`${this.model}:`) && payload.uid === uid)?.[1]
    }
    async findByUserCode() {
      return undefined
    }
    async consume(id: string) {
      store.get(this.#key(id))!.consumed = Math.floor(Date.now() / 1000)
    }
    async destroy(id: string) {
      store.delete(this.#key(id))
    }
    async revokeByGrantId(grantId: string) {
      for (const [key, payload] of store) if (payload.grantId === grantId) store.delete(key)
    }
  }
}
