// The one door for requests that the provider makes (back-channel logout, client JWKS). Registered origins are reached
// wherever they are; anything else keeps oidc-provider's guard against private addresses (SSRF).
import { AsyncLocalStorage } from 'node:async_hooks'
import { Provider } from 'oidc-provider'
import type { Core } from '../core.ts'
import { logoutService } from '../provider-service.ts'
import { decodeJwt } from './jwt.ts'

type Options = RequestInit & { dispatcher?: unknown }

/** Hours for which a logout token of a person's own sign-out is worth sending. */
const LOGOUT_HOURS = 24

export function outgoing(core: Core): typeof fetch {
  // What the reconciler does when woken must not pass for the request that woke it: it would queue its tokens again.
  const outside = AsyncLocalStorage.snapshot()

  const registered = async (url: string): Promise<boolean> => {
    const { origin } = new URL(url)
    const clients = await core.store.clients.list()
    return clients.some(
      ({ metadata, disabledAt }) =>
        disabledAt === null &&
        [metadata.backchannel_logout_uri, metadata.jwks_uri].some(
          (uri) => typeof uri === 'string' && URL.parse(uri)?.origin === origin,
        ),
    )
  }

  /** A person who signs out does not wait for slow clients: their tokens go through the outbox, with retries. */
  async function queueLogout(token: string): Promise<Response> {
    const { aud, sub, sid } = decodeJwt(token)
    const at = core.clock.now()
    await core.store.outbox.add([
      {
        service: logoutService(String(aud)),
        subject: String(sub),
        effect: 'logout',
        payload: { sid: String(sid ?? ''), expiresAt: String(at + LOGOUT_HOURS * 3_600_000) },
        cause: 'person',
        createdAt: at,
        dueAt: at,
      },
    ])
    outside(() => core.wake())
    return new Response(null, { status: 204 })
  }

  return async (input, options: Options = {}) => {
    const url = String(input instanceof Request ? input.url : input)
    const logoutToken = options.body instanceof URLSearchParams ? options.body.get('logout_token') : null
    if (logoutToken && Provider.ctx?.oidc?.route === 'end_session_confirm') return queueLogout(logoutToken)
    const { dispatcher, ...unguarded } = options
    return fetch(url, { ...((await registered(url)) ? unguarded : options), redirect: 'manual' } as RequestInit)
  }
}
