// What is asked of a person before a client gets its answer: who are you, prove it twice, may you, do you agree.
import { interactionPolicy as base, type KoaContextWithOIDC } from 'oidc-provider'
import type { Core } from '../core.ts'
import type { AccessAnswer } from '../domain/access.ts'
import type { AccountInForce } from '../ports.ts'

type Known = { account: AccountInForce | undefined; access?: AccessAnswer }
type Oidc = KoaContextWithOIDC['oidc']

/** RFC 8176: what a session says once both factors were shown. */
export const bothFactors = ['pwd', 'otp', 'mfa']

export const usedSecondFactor = (amr: readonly string[] | undefined): boolean => amr?.includes('otp') ?? false

/** True when this account must show a second factor: it has one, its role asks for one, or the client does. */
export const needsSecondFactor = (
  core: Pick<Core, 'config'>,
  account: AccountInForce | undefined,
  clientAsks: boolean,
): boolean =>
  !!account &&
  (account.hasSecondFactor ||
    clientAsks ||
    account.staffRoles.some((role) => core.config.secondFactor.roles.includes(role)))

export function interactionPolicy(core: Core, known: (oidc: Oidc) => Known | undefined) {
  const { Prompt, Check } = base
  const policy = base.base()

  // A session whose account is gone or closed would otherwise end in a server error at the consent check.
  policy
    .get('login')!
    .checks.add(
      new Check(
        'account_missing',
        'the account of this session is gone',
        'login_required',
        (ctx) => !!ctx.oidc.session?.accountId && !ctx.oidc.account,
      ),
    )

  const secondFactor = new Prompt(
    { name: 'second_factor', requestable: false },
    new Check(
      'second_factor_missing',
      'a second factor is required',
      'unmet_authentication_requirements',
      (ctx) =>
        !!ctx.oidc.account &&
        !usedSecondFactor(ctx.oidc.session?.amr) &&
        needsSecondFactor(core, known(ctx.oidc)?.account, ctx.oidc.client?.schedar_second_factor === true),
    ),
  )

  const membership = new Prompt(
    { name: 'membership', requestable: false },
    new Check(
      'no_access',
      'this account may not use this service now',
      'access_denied',
      (ctx) => !!ctx.oidc.account && known(ctx.oidc)?.access?.access === 'none',
      (ctx) => ({ reason: known(ctx.oidc)?.access?.reason }),
    ),
  )

  // `native_client_prompt` asks native applications at every start; PKCE and exact redirect URIs do that work here.
  const consent = policy.get('consent')!
  consent.checks.remove('native_client_prompt')
  policy.add(secondFactor, 1)
  policy.add(membership, 2)
  return policy
}
