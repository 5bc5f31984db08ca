// What the issue of mail promises, with a real Dovecot and a real Postfix that are set up by their kits: suspensions,
// revoked app passwords, the policy server, sign-ins with tokens, and how soon a change is in the files.
import { files } from './mail-files.ts'
import { startMailHouse } from './mail-house.ts'
import { policyServer } from './mail-policy.ts'
import { revocations } from './mail-revocation.ts'
import { suspensions } from './mail-suspension.ts'
import { tokenLogins } from './mail-tokens.ts'
import type { Bench } from './results.ts'

const ACCOUNTS = 10_000

export const mail: Bench = async (report, progress) => {
  const house = await startMailHouse(ACCOUNTS, progress)
  try {
    for (const part of [policyServer, tokenLogins, revocations, suspensions]) await part(house, report, progress)
  } finally {
    await house.stop()
  }
  await files(report, progress)
}
