// What a failed LDAP operation means. The result code is the only thing read: ldapts has no class for several codes
// (10 referral, 122 assertionFailed), and the server's diagnostic message may repeat what a person typed, so it goes
// into no error and no log.
import { AppError } from '../../src/domain/errors.ts'

/** RFC 4511 appendix A. */
export const result = {
  success: 0,
  sizeLimitExceeded: 4,
  referral: 10,
  constraintViolation: 19,
  noSuchObject: 32,
  inappropriateAuthentication: 48,
  invalidCredentials: 49,
  insufficientAccessRights: 50,
  busy: 51,
  unavailable: 52,
  unwillingToPerform: 53,
  entryAlreadyExists: 68,
} as const

/** The LDAP result code of an error; undefined if no server said it. Node's own codes are strings. */
export const resultCode = (error: unknown): number | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : undefined

/** Our own time-out, or ldapts'. */
export const isTimeout = (error: unknown): boolean => error instanceof Error && /time(d |-)?out/i.test(error.message)

const isBug = (error: unknown): boolean =>
  !(error instanceof Error) ||
  error instanceof AppError ||
  error instanceof TypeError ||
  error instanceof RangeError ||
  error instanceof ReferenceError

/** True if another server may do better: no connection, no answer, or an answer that says "not now". */
export function isOutage(error: unknown): boolean {
  const code = resultCode(error)
  if (code !== undefined) return code === result.busy || code === result.unavailable
  return !isBug(error)
}

/** A line for the log: a result code, or what the socket or TLS said. */
export function describe(error: unknown): string {
  const code = resultCode(error)
  if (code !== undefined) return `LDAP result ${code}`
  return error instanceof Error ? error.message.split('\n')[0]! : String(error)
}

const hints: Record<number, string> = {
  [result.sizeLimitExceeded]:
    "the server's size limit is too low for the service account, and it counts over all pages: raise it (`limits dn.exact=… size=unlimited`)",
  [result.referral]: 'the server refers to another one: the base is not held here',
  [result.noSuchObject]: 'the base does not exist, or the service account may not read it',
  [result.insufficientAccessRights]: 'the service account lacks a right',
}

/** An answer that no other server would improve: the configuration or the rights are wrong. */
export function misconfigured(doing: string, code: number): AppError {
  const hint = hints[code]
  return new AppError('directory_unavailable', { detail: `${doing}: LDAP result ${code}${hint ? `, ${hint}` : ''}` })
}

/** Any failure of an operation as `directory_unavailable`; what is already an AppError, and a bug, as it is. */
export function asAppError(doing: string, error: unknown): unknown {
  const code = resultCode(error)
  if (isOutage(error)) return new AppError('directory_unavailable', { detail: `${doing}: ${describe(error)}` })
  return code === undefined ? error : misconfigured(doing, code)
}
