// Watching a change reach every service from the command line.
import type { Installation } from '../compose.ts'
import type { Touched } from '../usecases/subjects.ts'
import { type Watched, watch as watchServices } from '../usecases/watch.ts'
import type { Io } from './io.ts'
import { exit } from './io.ts'

const PATIENCE_MS = 5_000
const EVERY_MS = 10

type Line = { service: string; subject: string; state: 'done' | 'waiting'; ms?: number; reason?: string }

/**
 * Works the change off beside the server, and tells how each service took it. A service that is down keeps its row, and
 * the server retries: the exit code is then `pending`.
 */
export async function watch(io: Io, installation: Installation, touched: readonly Touched[]): Promise<number> {
  const { store, clock } = installation.core
  const lines: Line[] = []
  const tell = async ({ service, subject, done, ms, owed }: Watched) => {
    // The provider and the clients know a person by the account's id; people know the username.
    const name = (await store.accounts.get(subject))?.username ?? subject
    const reason = owed?.lastError
    lines.push(
      done
        ? { service, subject: name, state: 'done', ...(ms !== undefined && { ms }) }
        : { service, subject: name, state: 'waiting', ...(reason && { reason }) },
    )
    io.say(done ? `  ✓ ${service}  ${name}  ${ms} ms` : `  … ${service}  ${name}  ${reason ?? 'under way'}`)
  }
  void installation.reconciler.drain()
  const ended = await watchServices(installation.core, touched, {
    since: clock.now(),
    patienceMs: PATIENCE_MS,
    everyMs: EVERY_MS,
    onDone: tell,
  })
  const open = ended.filter(({ done }) => !done)
  for (const line of open) await tell(line)
  if (io.json) io.show(lines)
  return open.length === 0 ? exit.ok : exit.pending
}
