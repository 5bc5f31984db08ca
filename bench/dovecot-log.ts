// When Dovecot refused a sign-in. It tells the client later, to slow guessing down: after its auth_failure_delay (2 s as
// Debian installs it), and even without one at its next half-second tick. Nobody is let in meanwhile; the log says when.
import { closeSync, openSync, readSync, statSync, watch } from 'node:fs'

export type Refusals = {
  /** The first since then (performance.now()), as soon as it was read here. Undefined when there was none. */
  since(at: number): number | undefined
  close(): void
}

/** By the deny file, or because the token no longer counts. */
const REFUSED = /auth: Info: (User found from deny passdb|oauth2\(.*oauth2 failed)/

/** Follows a log from its end, with `auth_verbose = yes`. */
export function followRefusals(file: string): Refusals {
  const times: number[] = []
  const handle = openSync(file, 'r')
  const buffer = Buffer.alloc(65_536)
  let offset = statSync(file).size
  let rest = ''
  const readOn = (): void => {
    const read = readSync(handle, buffer, 0, buffer.length, offset)
    if (read === 0) return
    offset += read
    const lines = (rest + buffer.toString('utf8', 0, read)).split('\n')
    rest = lines.pop() ?? ''
    if (lines.some((line) => REFUSED.test(line))) times.push(performance.now())
    readOn()
  }
  const watcher = watch(file, readOn)
  return {
    since: (at) => times.find((time) => time >= at),
    close() {
      watcher.close()
      closeSync(handle)
    },
  }
}
