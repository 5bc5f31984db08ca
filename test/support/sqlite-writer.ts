// A second process on an SQLite file, as the command line is beside the server: transactions that last, one after the
// other, each counting up by one. Arguments: file, transactions, milliseconds each. Prints `ready`, then `done`.
import { openDatabase } from '../../adapters/sql/database.ts'
import { openStore } from '../../adapters/sql/index.ts'

const [file, times, ms] = process.argv.slice(2)
const pause = () => new Promise((resolve) => setTimeout(resolve, Number(ms)))
const store = openStore(openDatabase(`sqlite:${file}`))
process.stdout.write('ready\n')
for (let n = 0; n < Number(times); n++) {
  await store.transaction(async ({ settings, audit }) => {
    const before = Number((await settings.get('counter')) ?? 0)
    await audit.append({ action: 'count', actor: 'child', subjectKind: 'x', subjectId: 'x', payload: { n } }, n, 'salt')
    await pause()
    await settings.set('counter', String(before + 1))
  })
}
await store.close()
process.stdout.write('done\n')
