// What a bind and a change of password mean, from the result code and the password policy control
// (draft-behera-ldap-password-policy-10 §6.2).
import { type PasswordPolicyValue, PasswordPolicyError as PolicyError } from 'ldapts'
import { AppError } from '../../src/domain/errors.ts'
import type { Verdict } from '../../src/ports.ts'
import type { BindOutcome } from './connection.ts'
import { misconfigured, result } from './result.ts'

/** What the entry itself says about its password. */
export type EntryState = { disabled: boolean; mustChange: boolean }

const refusedPolicy = (policy: PasswordPolicyValue | undefined, otherwise: Verdict): Verdict => {
  if (policy?.error === PolicyError.AccountLocked) return 'locked'
  if (policy?.error === PolicyError.PasswordExpired) return 'expired'
  if (policy?.error === PolicyError.ChangeAfterReset) return 'must_change'
  return otherwise
}

function accepted(policy: PasswordPolicyValue | undefined, { disabled, mustChange }: EntryState): Verdict {
  // A permanent lock holds only under a policy with pwdLockout TRUE; whoever set it meant it.
  if (disabled) return 'locked'
  if (policy?.error === PolicyError.PasswordExpired) return 'expired'
  // slapd lets a reset password in, and tells it by the control only under pwdMustChange: the attribute decides too.
  // A grace login is the last chance to change an expired password.
  return mustChange || policy?.error === PolicyError.ChangeAfterReset || policy?.graceAuthNsRemaining !== undefined
    ? 'must_change'
    : 'ok'
}

/** The verdict on a password. Throws `directory_unavailable` for an answer that says nothing about it. */
export function verdictOf({ code, policy }: BindOutcome, entry: EntryState): Verdict {
  switch (code) {
    case result.success:
      return accepted(policy, entry)
    case result.invalidCredentials:
    case result.inappropriateAuthentication: // the entry has no password
    case result.noSuchObject:
      return refusedPolicy(policy, entry.disabled ? 'locked' : 'wrong')
    // Servers without the control say "too many tries" (19) and "inactivated" (53) this way.
    case result.constraintViolation:
    case result.unwillingToPerform:
      return refusedPolicy(policy, 'locked')
    default:
      throw misconfigured('bind as a person', code)
  }
}

/** True if the server refused before it looked at the password: such an answer comes sooner than a wrong one. */
export const refusedUnseen = ({ code, policy }: BindOutcome): boolean =>
  code !== result.success && (code !== result.invalidCredentials || policy?.error === PolicyError.AccountLocked)

const reasons: Record<number, string> = {
  [PolicyError.PasswordModNotAllowed]: 'not_allowed',
  [PolicyError.MustSupplyOldPassword]: 'must_supply_old',
  [PolicyError.InsufficientPasswordQuality]: 'quality',
  [PolicyError.PasswordTooShort]: 'too_short',
  [PolicyError.PasswordTooYoung]: 'too_young',
  [PolicyError.PasswordInHistory]: 'in_history',
}

export const passwordRefused = (reason: string): AppError =>
  new AppError('password_refused', {
    field: 'password',
    detail: `the directory refuses the new password: ${reason}`,
    params: { reason },
  })

/**
 * Why a new password was refused: `password_refused` with `params.reason` one of not_allowed, must_supply_old, quality,
 * too_short, too_young, in_history, policy (a rule the server does not name).
 */
export function refusalOf(code: number, policy: PasswordPolicyValue | undefined): AppError {
  const reason = policy?.error === undefined ? undefined : reasons[policy.error]
  if (reason) return passwordRefused(reason)
  if (code === result.constraintViolation || code === result.unwillingToPerform) return passwordRefused('policy')
  return misconfigured('set a password', code)
}
