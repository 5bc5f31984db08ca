// The thread in which zxcvbn looks at new passwords, one after the other (password-strength.ts).
import { parentPort } from 'node:worker_threads'
import { ZxcvbnFactory } from '@zxcvbn-ts/core'
import { adjacencyGraphs, dictionary as common } from '@zxcvbn-ts/language-common'
import { dictionary as french } from '@zxcvbn-ts/language-fr'

// Of the ways to read `4` and `$` as letters, one is tried: each more doubles the time and finds next to nothing.
const zxcvbn = new ZxcvbnFactory({
  dictionary: { ...common, ...french },
  graphs: adjacencyGraphs,
  l33tMaxSubstitutions: 1,
})

parentPort!.on('message', ({ id, password, about }: { id: number; password: string; about: string[] }) => {
  parentPort!.postMessage({ id, score: zxcvbn.check(password, about).score })
})
