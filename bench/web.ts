// What the issue of the web promises, with eight real services that are set up by their kits: one suspension for all of them,
// what a sign-in costs beside the service's own, and the check of forward authentication.
import type { Bench } from './results.ts'
import { forwardAuthChecks } from './web-forward-auth.ts'
import { startWebHost } from './web-host.ts'
import { signIns } from './web-sign-in.ts'
import { webSuspensions } from './web-suspension.ts'

const ACCOUNTS = 10_000
const ON_LISTS = 1_000
/** For a try with few rounds: a smaller host. */
const FEW = { accounts: 500, onLists: 50 }

export const web: Bench = async (report, progress, rounds) => {
  const host = await startWebHost(
    ...(rounds === undefined ? ([ACCOUNTS, ON_LISTS] as const) : ([FEW.accounts, FEW.onLists] as const)),
    progress,
  )
  try {
    for (const part of [forwardAuthChecks, signIns, webSuspensions]) await part(host, report, progress, rounds)
  } finally {
    await host.stop()
  }
}
