#!/usr/bin/env node
// The `schedar` command. Each group of subcommands is a file under src/cli/.
import { Command, CommanderError } from 'commander'
import { registerAccount } from './cli/account.ts'
import { registerClient } from './cli/client.ts'
import { registerDocs } from './cli/docs.ts'
import { registerDoctor } from './cli/doctor.ts'
import { createIo, exit, type Io } from './cli/io.ts'
import { registerMaintenance } from './cli/maintenance.ts'
import { registerMember } from './cli/member.ts'
import { registerServe } from './cli/serve.ts'
import { registerServices } from './cli/services.ts'
import { registerSite } from './cli/site.ts'
import { AppError } from './domain/errors.ts'

const program = new Command('schedar')
  .description('The single sign-on of a member-run host: one account, one sign-in, and dues that decide access.')
  .option('--config <file>', 'schedar.yaml (or SCHEDAR_CONFIG); without a file the defaults hold')
  .option('--json', 'print results as JSON')
  .showHelpAfterError('(schedar --help shows the commands)')
  .exitOverride()

const streams = { out: process.stdout, err: process.stderr, in: process.stdin, env: process.env }
const ioOf = (command: Command): Io => createIo(streams, command.optsWithGlobals())
const exitWith = (code: number): void => {
  process.exitCode = code
}
for (const register of [registerServe, registerDoctor, registerMember, registerAccount, registerSite, registerClient, registerServices, registerMaintenance, registerDocs]) register(program, ioOf, exitWith)
for (const command of program.commands) {
  command.exitOverride()
  for (const inner of command.commands) inner.exitOverride()
}

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) exitWith(error.exitCode === 0 ? exit.ok : exit.usage)
  else if (error instanceof AppError) {
    process.stderr.write(`schedar: ${error.detail ?? error.code}\n`)
    exitWith(exit.failed)
  } else {
    process.stderr.write(`schedar: unexpected: ${(error as Error).stack ?? error}\n`)
    exitWith(exit.failed)
  }
}
