// A process of its own that checks passwords as fast as the machine can, as many at once as there are cores, with the
// parameters that Schedar hashes with: no sign-in can be faster. Each value on standard input is a window in milliseconds;
// what is said back is hashes a second.
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { openPasswords } from '../adapters/system/passwords.ts'

const passwords = openPasswords()
const phc = await passwords.hash('nobody')

for await (const line of createInterface({ input: process.stdin })) {
  const began = performance.now()
  const until = began + Number(line)
  let done = 0
  const lane = async (): Promise<void> => {
    while (performance.now() < until) {
      await passwords.verify(phc, 'somebody')
      done++
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, lane))
  console.log(JSON.stringify((done * 1000) / (performance.now() - began)))
}
