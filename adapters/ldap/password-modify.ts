// The Password Modify extended operation (RFC 3062): the server hashes, and asks its policy about the new password.
import { BerWriter, type Client, PasswordPolicyControl } from 'ldapts'
import { passwordRefused, refusalOf } from './password-policy.ts'
import { isOutage, resultCode } from './result.ts'

export const passwordModifyOid = '1.3.6.1.4.1.4203.1.11.1'

/** PasswdModifyRequestValue, RFC 3062 §2. */
function request(dn: string, next: string, current: string | undefined): Buffer {
  const writer = new BerWriter()
  writer.startSequence()
  writer.writeString(dn, 0x80)
  if (current !== undefined) writer.writeString(current, 0x81)
  writer.writeString(next, 0x82)
  writer.endSequence()
  return writer.buffer
}

/** Set a password on a bound connection; `password_refused` if a rule stands against it. */
export async function modifyPassword(client: Client, dn: string, next: string, current?: string): Promise<void> {
  // Without a new password the server would make one up (RFC 3062 §2).
  if (next === '') throw passwordRefused('too_short')
  const control = new PasswordPolicyControl()
  try {
    await client.exop(passwordModifyOid, request(dn, next, current), control)
  } catch (error) {
    const code = resultCode(error)
    if (code === undefined || isOutage(error)) throw error
    throw refusalOf(code, control.value)
  }
}
