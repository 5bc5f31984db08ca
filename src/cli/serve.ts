// schedar serve [--demo]

import { openInstallation } from '../compose.ts'
import { serve } from '../serve.ts'
import { offerSetUp } from '../usecases/set-up.ts'
import type { Io, Register } from './io.ts'

async function untilStopped(stop: () => Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  await stop()
}

async function run(io: Io, { demo }: { demo: boolean }): Promise<void> {
  if (demo) return (await import('../../demo/index.ts')).demo(io, untilStopped)
  const installation = await openInstallation({ file: io.file, env: io.env, log: { to: process.stdout } })
  const running = await serve(installation).catch(async (error: unknown) => {
    await installation.close()
    throw error
  })
  const { issuer } = installation.core.config
  const token = await offerSetUp(installation.core)()
  // On standard error: the link is a secret, and standard output is the log.
  if (token)
    io.warn(
      `\n  Schedar is at ${issuer}\n  First steps (this link works once, for 24 hours):\n\n    ${issuer}/set-up/${token}\n`,
    )
  else io.warn(`\n  Schedar is at ${issuer}\n`)
  await untilStopped(running.stop)
}

export const registerServe: Register = (program, ioOf) => {
  program
    .command('serve')
    .description('the server; on a fresh data folder it prints a one-time link for the first administrator')
    .option('--demo', 'a made-up association to try things on, in a folder of its own')
    .action(({ demo = false }, command) => run(ioOf(command), { demo }))
}
