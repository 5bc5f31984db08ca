// A process that suspends one account when it is told to, as a volunteer's command does; made to be killed at any instant.
// Arguments: schedar.yaml, username. It says `ready`, waits for a line, suspends, works services off, says `done`.
import { once } from 'node:events'
import { openInstallation } from '../../src/compose.ts'
import { suspend } from '../../src/usecases/suspend.ts'

const [file = '', username = ''] = process.argv.slice(2)
const installation = await openInstallation({ file, env: process.env, log: { level: 'error', to: process.stderr } })
const { core, reconciler } = installation
const account = await core.store.accounts.byUsername(username)
await installation.provider()
process.stdout.write('ready\n')
await once(process.stdin, 'data')
await suspend(core)({ target: { accountId: account!.id }, reason: 'Essai', actor: 'test' })
process.stdout.write('committed\n')
await reconciler.drain()
process.stdout.write('done\n')
await installation.close()
process.stdin.destroy()
