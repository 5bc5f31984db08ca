// The `schedar` command: each group of subcommands is a file beside this one.
import { Command, CommanderError } from 'commander'
import { AppError } from '../domain/errors.ts'
import { registerAccount } from './account.ts'
import { registerClient } from './client.ts'
import { registerDocs } from './docs.ts'
import { registerDoctor } from './doctor.ts'
import { registerDues } from './dues.ts'
import { createIo, exit, type Io, type Streams } from './io.ts'
import { registerMailbox } from './mailbox.ts'
import { registerMaintenance } from './maintenance.ts'
import { registerMember } from './member.ts'
import { registerOutgoing } from './outgoing.ts'
import { registerServe } from './serve.ts'
import { registerServices } from './services.ts'
import { registerSite } from './site.ts'

const groups = [
  registerServe,
  registerDoctor,
  registerDues,
  registerMember,
  registerAccount,
  registerSite,
  registerMailbox,
  registerOutgoing,
  registerClient,
  registerServices,
  registerMaintenance,
  registerDocs,
]

function createProgram(streams: Streams, exitWith: (code: number) => void): Command {
  const program = new Command('schedar')
    .description('The single sign-on of a member-run host: one account, one sign-in, and dues that decide access.')
    .option('--config <file>', 'schedar.yaml (or SCHEDAR_CONFIG); without a file the defaults hold')
    .option('--json', 'print results as JSON')
    .showHelpAfterError('(schedar --help shows the commands)')
    .configureOutput({
      writeOut: (text) => void streams.out.write(text),
      writeErr: (text) => void streams.err.write(text),
    })
  const ioOf = (command: Command): Io => createIo(streams, command.optsWithGlobals())
  for (const register of groups) register(program, ioOf, exitWith)
  const quietly = (command: Command): void => {
    command.exitOverride()
    command.commands.forEach(quietly)
  }
  quietly(program)
  return program
}

/** Runs one command line; its exit code. Nothing is thrown: what went wrong is a sentence on `streams.err`. */
export async function run(argv: readonly string[], streams: Streams): Promise<number> {
  let code: number = exit.ok
  const program = createProgram(streams, (wanted) => {
    code = wanted
  })
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exit.ok : exit.usage
    if (error instanceof AppError) streams.err.write(`schedar: ${error.detail ?? error.code}\n`)
    else streams.err.write(`schedar: unexpected: ${(error as Error).stack ?? error}\n`)
    return exit.failed
  }
}
