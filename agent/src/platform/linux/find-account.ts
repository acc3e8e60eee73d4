import { readFile } from 'node:fs/promises'
import { Unsupported } from '../../collectors/section.ts'
import { runProgram } from '../run-program.ts'

export interface Account {
  name: string
  uid: number
  gid: number
  home: string
  shell: string
}

/** Through the system's name service, which also knows users of a directory; undefined when there is no such user. */
export async function findAccount(name: string): Promise<Account | undefined> {
  // A name that the name service would take for an option or for a number is no user's.
  if (!/^[A-Za-z_][^:/\s]*$/.test(name)) return undefined
  const accounts = parsePasswd(await passwdLines(name))
  return accounts.find((account) => account.name === name)
}

async function passwdLines(name: string): Promise<string> {
  try {
    return (await runProgram('getent', ['passwd', name])).stdout
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error
    return await readFile('/etc/passwd', 'utf8')
  }
}

/** Of the users in /etc/passwd; a directory's are not counted through. */
export async function userNames(): Promise<ReadonlyMap<number, string>> {
  return new Map(parsePasswd(await readFile('/etc/passwd', 'utf8')).map(({ uid, name }) => [uid, name]))
}

/** passwd(5). */
export function parsePasswd(text: string): Account[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', , uid = '', gid = '', , home = '', shell = ''] = line.split(':')
    if (name === '' || !/^\d+$/.test(uid) || !/^\d+$/.test(gid)) return []
    return [{ name, uid: Number(uid), gid: Number(gid), home: home || '/', shell }]
  })
}
