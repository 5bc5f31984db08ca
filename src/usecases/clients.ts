// Registering an OpenID Connect client, and filling in its kit.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import type { ServiceKind } from '../domain/access.ts'
import { AppError } from '../domain/errors.ts'
import type { ClientTemplate, KitFile, Plugin } from '../plugin.ts'
import type { Client, ClientRole, Resource, Stores } from '../ports.ts'
import { HOUSE_CLIENT, PROVIDER } from '../provider-service.ts'
import { tellingLowered } from './lowered-roles.ts'
import { LONGEST_NAME, organisationNamed } from './members.ts'

/** AES-GCM context of a client's secret. */
export const secretContext = (clientId: string): string => `client:${clientId}`

export type NewClient = {
  kind: string
  name: string
  url: string
  plugin: Plugin | undefined
  /** The site it belongs to; its roles then follow from the affiliations with the site's member. */
  site?: Resource
  clientId?: string
  service?: ServiceKind
  party?: Client['party']
  audience?: Client['audience']
  secondFactor?: boolean
  redirectUris?: readonly string[]
  actor: Actor
}

/**
 * RFC 9700 §4.1.1: exact addresses, https, or http on loopback; no fragment (RFC 6749 §3.1.2). They are compared letter
 * for letter: what a parser would mend on the way (a space, a line end, a backslash, a missing slash) is refused.
 */
function checkedUrl(url: string, field: string): string {
  const parsed = /^https?:\/\/[^\s\\/\p{Cc}][^\s\\\p{Cc}]*$/u.test(url) ? URL.parse(url) : null
  const loopback = parsed && /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(parsed.hostname)
  if (!parsed || !(parsed.protocol === 'https:' || (parsed.protocol === 'http:' && loopback)))
    throw new AppError('invalid_value', { field, detail: `${field}: ${url} is not an https address` })
  if (/[#*]/.test(url) || parsed.username || parsed.password)
    throw new AppError('invalid_value', {
      field,
      detail: `${field}: ${url} must be exact, without *, user or fragment`,
    })
  return url
}

const other = (input: NewClient): ClientTemplate => ({
  redirectUris: [...(input.redirectUris ?? [])],
  postLogoutRedirectUris: [input.url, `${input.url}/`],
  tokenEndpointAuthMethod: 'client_secret_basic',
})

/** RFC 7591 metadata of a template. */
function metadataOf(template: ClientTemplate, url: string): Record<string, unknown> {
  const receivesPeople = template.redirectUris.length > 0
  return {
    client_uri: url,
    redirect_uris: template.redirectUris.map((uri) => checkedUrl(uri, 'redirect_uri')),
    post_logout_redirect_uris: template.postLogoutRedirectUris.map((uri) =>
      checkedUrl(uri, 'post_logout_redirect_uri'),
    ),
    response_types: receivesPeople ? ['code'] : [],
    grant_types: receivesPeople ? ['authorization_code', 'refresh_token'] : ['client_credentials'],
    token_endpoint_auth_method: template.tokenEndpointAuthMethod,
    id_token_signed_response_alg: 'ES256',
    ...(template.backchannelLogoutUri && {
      backchannel_logout_uri: checkedUrl(template.backchannelLogoutUri, 'backchannel_logout_uri'),
      backchannel_logout_session_required: true,
    }),
    ...(template.statusUri && { schedar_status_uri: checkedUrl(template.statusUri, 'status_uri') }),
    ...(template.rotateRefreshToken === false && { schedar_rotate: false }),
    ...(template.withoutPkce && { schedar_without_pkce: true }),
    ...(template.introspectsScope && { schedar_introspects: template.introspectsScope }),
  }
}

type Registered = { client: Client; clientSecret: string }

/** Within a transaction; the secret is in the answer this once, and in the kit. */
export async function addClientIn(core: Core, stores: Stores, input: NewClient): Promise<Registered> {
  const url = checkedUrl(input.url.replace(/\/+$/, ''), 'url')
  const template = input.plugin?.client?.(url) ?? other({ ...input, url })
  if (!input.plugin?.client && (input.redirectUris ?? []).length === 0)
    throw new AppError('required', { field: 'redirectUris', detail: 'name at least one --redirect-uri' })
  if (input.name.trim() === '' || input.name.length > LONGEST_NAME)
    throw new AppError('invalid_value', { field: 'name', detail: 'a name has 1 to 200 characters' })
  const clientSecret = core.random.token(32)
  const organisation = await organisationNamed(stores)
  const clientId = input.clientId ?? core.random.token(9).replace(/^[-_]/, 'c')
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(clientId))
    throw new AppError('invalid_value', {
      field: 'clientId',
      detail: 'a client_id has letters, digits, . _ - and at most 64 characters',
    })
  if (clientId === HOUSE_CLIENT || (await stores.clients.get(clientId)))
    throw new AppError('conflict', { field: 'clientId', detail: `the client ${clientId} exists already` })
  const made: Client = {
    clientId,
    organisationId: organisation.id,
    kind: input.kind,
    name: input.name,
    service: input.service ?? template.service ?? (input.site ? 'site' : 'web'),
    resourceId: input.site?.id ?? null,
    party: input.party ?? 'first',
    audience: input.audience ?? (input.site ? 'listed' : 'members'),
    secondFactor: input.secondFactor ?? false,
    metadata: metadataOf(template, url),
    sealedSecret: core.vault.seal(clientSecret, secretContext(clientId)),
    rolesOfAffiliation: template.rolesOfAffiliation ?? {},
    createdAt: core.clock.now(),
    disabledAt: null,
  }
  await stores.clients.add(made)
  await audit(core, stores, {
    action: 'client.added',
    actor: input.actor,
    subjectKind: 'client',
    subjectId: clientId,
    payload: { kind: made.kind, name: made.name, url, party: made.party, audience: made.audience },
  })
  return { client: made, clientSecret }
}

/** Register a client. */
export const addClient =
  (core: Core) =>
  (input: NewClient): Promise<Registered> =>
    core.store.transaction((stores) => addClientIn(core, stores, input))

/** The provider ends what these accounts hold at clients that refuse them now. */
const tellProvider = (core: Core, stores: Stores, accountIds: readonly string[]): Promise<void> => {
  const at = core.clock.now()
  const row = { service: PROVIDER, effect: 'row', payload: {}, cause: 'person', createdAt: at, dueAt: at } as const
  return stores.outbox.add(accountIds.map((subject) => ({ ...row, subject })))
}

export type RoleChange = ClientRole & { remove?: boolean; actor: Actor }

/** Within a transaction. Whoever calls wakes the reconciler. */
export async function setClientRoleIn(
  core: Core,
  stores: Stores,
  { remove = false, actor, ...role }: RoleChange,
): Promise<void> {
  if (!/^\S{1,32}$/.test(role.role))
    throw new AppError('invalid_value', { field: 'role', detail: 'a role has 1 to 32 characters and no space' })
  if (role.subject === '' || role.subject.length > 100)
    throw new AppError('invalid_value', { field: 'subject', detail: 'a group has 1 to 100 characters' })
  const { clientId, subjectKind, subject } = role
  if (!(await stores.clients.get(clientId)))
    throw new AppError('not_found', { detail: `there is no client ${clientId}` })
  if (!remove && subjectKind === 'account' && !(await stores.accounts.get(subject)))
    throw new AppError('not_found', { detail: 'there is no such account' })
  // Before it is gone: afterwards nothing tells who had it.
  const concerned = subjectKind === 'account' ? [subject] : await stores.subjects.touchedBy('account', { clientId })
  await (remove
    ? tellingLowered(core, stores, {
        accountIds: concerned,
        clientId,
        cause: 'person',
        change: () => stores.clients.removeRole(role),
      })
    : stores.clients.setRole(role))
  await audit(core, stores, {
    action: remove ? 'client.role_removed' : 'client.role_set',
    actor,
    subjectKind: 'client',
    subjectId: clientId,
    payload: { to: `${subjectKind}:${subject}`, role: role.role },
  })
  await tellProvider(core, stores, concerned)
}

/** Give an account or a group a role on a client, or take it back. */
export const setClientRole =
  (core: Core) =>
  async (change: RoleChange): Promise<void> => {
    await core.store.transaction((stores) => setClientRoleIn(core, stores, change))
    core.wake()
  }

/** Switch a client off or on: while off, nobody signs in there, none of its tokens counts, and sessions there end. */
export const setClientDisabled =
  (core: Core) =>
  async ({ clientId, disabled, actor }: { clientId: string; disabled: boolean; actor: Actor }): Promise<void> => {
    await core.store.transaction(async (stores) => {
      const client = await stores.clients.get(clientId)
      if (!client) throw new AppError('not_found', { detail: `there is no client ${clientId}` })
      if ((client.disabledAt !== null) === disabled) return
      await stores.clients.update({ ...client, disabledAt: disabled ? core.clock.now() : null })
      await audit(core, stores, {
        action: disabled ? 'client.disabled' : 'client.enabled',
        actor,
        subjectKind: 'client',
        subjectId: clientId,
        payload: {},
      })
      if (disabled) await tellProvider(core, stores, await stores.subjects.touchedBy('account', { clientId }))
    })
    core.wake()
  }

/** Where a client is told of sign-outs and of lowered roles. */
const TOLD_AT = ['backchannel_logout_uri', 'backchannel_logout_session_required', 'schedar_status_uri'] as const

export type Renewal = { clientId: string; plugin: Plugin; actor: Actor }

/**
 * Within a transaction, when a kit is made anew: the addresses that its files listen at, and that the registration, which is
 * older than they are, does not name. What it names stays as it is.
 */
export async function renewClientIn(core: Core, stores: Stores, { clientId, plugin, actor }: Renewal): Promise<void> {
  const client = await stores.clients.get(clientId)
  const url = String(client?.metadata.client_uri)
  if (!client || !plugin.client) return
  const anew = metadataOf(plugin.client(url), url)
  const missing = TOLD_AT.filter((name) => anew[name] !== undefined && client.metadata[name] === undefined)
  if (missing.length === 0) return
  const added = Object.fromEntries(missing.map((name) => [name, anew[name]]))
  await stores.clients.update({ ...client, metadata: { ...client.metadata, ...added } })
  await audit(core, stores, {
    action: 'client.renewed',
    actor,
    subjectKind: 'client',
    subjectId: clientId,
    payload: { added: missing },
  })
}

export const renewClient =
  (core: Core) =>
  (renewal: Renewal): Promise<void> =>
    core.store.transaction((stores) => renewClientIn(core, stores, renewal))

/** The files to install on a client's side, filled in. */
export const kitOf =
  (core: Core) =>
  async (client: Client, plugin: Plugin, options: Record<string, string>, config?: unknown): Promise<KitFile[]> => {
    if (!plugin.kit) throw new AppError('invalid_value', { detail: `clients of kind ${client.kind} have no kit` })
    const organisation = await organisationNamed(core.store)
    const { metadata } = client
    const uris = (name: string): string[] => (metadata[name] as string[] | undefined) ?? []
    const backchannelLogoutUri = metadata.backchannel_logout_uri as string | undefined
    return plugin.kit({
      issuer: core.config.issuer,
      associationName: organisation.name,
      url: String(metadata.client_uri),
      client: {
        clientId: client.clientId,
        clientSecret: client.sealedSecret ? core.vault.open(client.sealedSecret, secretContext(client.clientId)) : '',
        redirectUris: uris('redirect_uris'),
        postLogoutRedirectUris: uris('post_logout_redirect_uris'),
        ...(backchannelLogoutUri && { backchannelLogoutUri }),
      },
      options,
      config,
      random: core.random.token,
    })
  }
