// The second factor: time-based codes (RFC 6238) and recovery codes. Every code works once: a step is burnt by a
// conditional update, and all earlier steps with it.
import { generateSecret, generateURI, verifySync } from 'otplib'
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { digest } from '../domain/digest.ts'
import { AppError } from '../domain/errors.ts'
import { takeTry } from './throttle.ts'

const STEP_SECONDS = 30
const RECOVERY_CODES = 10
const limit = { tries: 5, windowMs: 15 * 60_000 }

const context = (accountId: string): string => `totp:${accountId}`

/** The step a code belongs to: now, or one step to either side (RFC 6238 §5.2). */
function stepOf(secret: string, code: string, at: number): number | undefined {
  const token = code.replace(/\s/g, '')
  if (!/^\d{6}$/.test(token)) return undefined
  const result = verifySync({ secret, token, epoch: Math.floor(at / 1000), epochTolerance: STEP_SECONDS })
  return result.valid && 'timeStep' in result ? Number(result.timeStep) : undefined
}

const normalised = (code: string): string => code.toLowerCase().replace(/[^a-z0-9]/g, '')
const recoveryDigest = (accountId: string, code: string): string => digest(`${accountId}\n${normalised(code)}`)

const recoveryDigests = (accountId: string, codes: readonly string[]): string[] =>
  codes.map((code) => recoveryDigest(accountId, code))

/** Ten codes of 80 bits each (16 letters of 32), in groups that can be copied by hand. */
function newRecoveryCodes(core: Core): string[] {
  const alphabet = 'abcdefghjkmnpqrstvwxyz0123456789'
  const code = () =>
    Array.from(Buffer.from(core.random.token(16), 'base64url'), (byte) => alphabet[byte % alphabet.length])
      .join('')
      .replace(/(.{4})(?=.)/g, '$1-')
  return Array.from({ length: RECOVERY_CODES }, code)
}

export type Enrolment = { secret: string; uri: string }

/** Begin an enrolment, or show the one that was begun: the secret for the authenticator, as text and as otpauth URI. */
export const beginEnrolment =
  (core: Core) =>
  async (accountId: string, label: string, issuer: string): Promise<Enrolment> => {
    const begun = await core.store.credentials.totp(accountId)
    if (begun?.confirmed) throw new AppError('conflict', { detail: 'a second factor is set already' })
    const secret = begun ? core.vault.open(begun.sealedSecret, context(accountId)) : generateSecret()
    if (!begun)
      await core.store.credentials.setTotp(
        accountId,
        core.vault.seal(secret, context(accountId)),
        false,
        core.clock.now(),
      )
    return { secret, uri: generateURI({ issuer, label, secret }) }
  }

/** Confirm it with a first code; the recovery codes, to be shown this once. Throws `second_factor_wrong`. */
export const confirmEnrolment =
  (core: Core) =>
  async (accountId: string, code: string): Promise<string[]> => {
    const tries = await takeTry(core)([{ name: 'second factor', key: accountId, limit }])
    const begun = await core.store.credentials.totp(accountId)
    if (!begun || begun.confirmed) throw new AppError('conflict', { detail: 'no enrolment has begun' })
    const step = stepOf(core.vault.open(begun.sealedSecret, context(accountId)), code, core.clock.now())
    if (step === undefined) throw new AppError('second_factor_wrong', { field: 'code' })
    const codes = newRecoveryCodes(core)
    await core.store.transaction(async (stores) => {
      const at = core.clock.now()
      if (!(await stores.credentials.burnStep(accountId, step)))
        throw new AppError('second_factor_wrong', { field: 'code' })
      await stores.credentials.setTotp(accountId, begun.sealedSecret, true, at)
      await stores.credentials.setRecoveryCodes(accountId, recoveryDigests(accountId, codes), at)
      await audit(core, stores, {
        action: 'second_factor.set',
        actor: accountId,
        subjectKind: 'account',
        subjectId: accountId,
        payload: {},
      })
    })
    await tries.giveBack()
    return codes
  }

/** Check a code of the authenticator, or a recovery code. Throws `second_factor_wrong` or `too_many_tries`. */
export const checkSecondFactor =
  (core: Core) =>
  async (accountId: string, code: string): Promise<void> => {
    const tries = await takeTry(core)([{ name: 'second factor', key: accountId, limit }])
    const totp = await core.store.credentials.totp(accountId)
    if (!totp?.confirmed) throw new AppError('second_factor_wrong', { field: 'code' })
    const at = core.clock.now()
    const step = stepOf(core.vault.open(totp.sealedSecret, context(accountId)), code, at)
    const right =
      step === undefined
        ? await core.store.credentials.burnRecoveryCode(accountId, recoveryDigest(accountId, code), at)
        : await core.store.credentials.burnStep(accountId, step)
    if (!right) throw new AppError('second_factor_wrong', { field: 'code' })
    if (step === undefined)
      await core.store.transaction((stores) =>
        audit(core, stores, {
          action: 'second_factor.recovery_code_used',
          actor: accountId,
          subjectKind: 'account',
          subjectId: accountId,
          payload: {},
        }),
      )
    await tries.giveBack()
  }

/**
 * New recovery codes, to be shown this once; the old ones are void. They are given for a code of the authenticator or one
 * of the old ones. Throws `second_factor_wrong` or `too_many_tries`.
 */
export const renewRecoveryCodes =
  (core: Core) =>
  async (accountId: string, code: string): Promise<string[]> => {
    await checkSecondFactor(core)(accountId, code)
    const codes = newRecoveryCodes(core)
    await core.store.transaction(async (stores) => {
      // An administrator may have taken the second factor away meanwhile.
      if (!(await stores.credentials.totp(accountId))?.confirmed) throw new AppError('conflict')
      await stores.credentials.setRecoveryCodes(accountId, recoveryDigests(accountId, codes), core.clock.now())
      await audit(core, stores, {
        action: 'second_factor.recovery_codes_renewed',
        actor: accountId,
        subjectKind: 'account',
        subjectId: accountId,
        payload: {},
      })
    })
    return codes
  }

/** Take the second factor away, by an admin's act: for the person who lost phone and codes. */
export const removeSecondFactor =
  (core: Core) =>
  (accountId: string, actor: Actor): Promise<void> =>
    core.store.transaction(async (stores) => {
      await stores.credentials.removeTotp(accountId)
      await audit(core, stores, {
        action: 'second_factor.removed',
        actor,
        subjectKind: 'account',
        subjectId: accountId,
        payload: {},
      })
    })
