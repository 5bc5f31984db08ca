// Watching a change reach every service: each goes green with its milliseconds, or stays with its reason.
import type { Installation } from '../compose.ts'
import type { Touched } from '../usecases/subjects.ts'
import type { Io } from './io.ts'
import { exit } from './io.ts'

const PATIENCE_MS = 5_000
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

type Line = { service: string; subject: string; state: 'done' | 'waiting'; ms?: number; reason?: string }

/**
 * Works the change off beside the server, and tells how each service took it. A service that is down keeps its row, and
 * the server retries: the exit code is then `pending`.
 */
export async function watch(io: Io, installation: Installation, touched: readonly Touched[]): Promise<number> {
  const { store, clock } = installation.core
  const began = clock.now()
  const subjects = new Set(touched.map(({ subject }) => subject))
  const open = new Map(touched.map(({ service, subject }) => [`${service} ${subject}`, { service, subject }]))
  const lines: Line[] = []
  const tell = async ({ subject, ...rest }: Line) => {
    // The provider and the clients know a person by the account's id; people know the username.
    const line = { ...rest, subject: (await store.accounts.get(subject))?.username ?? subject }
    lines.push(line)
    io.say(
      line.state === 'done'
        ? `  ✓ ${line.service}  ${line.subject}  ${line.ms} ms`
        : `  … ${line.service}  ${line.subject}  ${line.reason ?? 'under way'}`,
    )
  }
  void installation.reconciler.drain()
  for (;;) {
    const rows = await Promise.all([...subjects].map((subject) => store.outbox.pending({ subject })))
    const pending = rows.flat().filter((row) => row.effect !== 'sessions_again')
    for (const { service, subject } of pending) open.set(`${service} ${subject}`, { service, subject })
    for (const [key, { service, subject }] of open) {
      if (pending.some((row) => row.service === service && row.subject === subject)) continue
      open.delete(key)
      await tell({ service, subject, state: 'done', ms: clock.now() - began })
    }
    if (open.size === 0) break
    if (clock.now() - began > PATIENCE_MS) {
      for (const { service, subject } of open.values()) {
        const reason = pending.find((row) => row.service === service && row.subject === subject)?.lastError
        await tell({ service, subject, state: 'waiting', ...(reason && { reason }) })
      }
      break
    }
    await pause(10)
  }
  if (io.json) io.show(lines)
  return open.size === 0 ? exit.ok : exit.pending
}
