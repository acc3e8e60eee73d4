/**
 * The forms in which secrets appear in what people type and devices write. Each pattern is linear: no nested repetition, and
 * every repetition is bounded or over a class that its follower can't match. `hint` is a lower-case text without which the
 * pattern can't match, so that most are never tried.
 */

export interface SecretFormat {
  /** Stands in the masked text's place. */
  name: string
  hint: string
  pattern: RegExp
  /** Without it, the whole match is replaced by `[masked <name>]`. */
  replacement?: string
}

const B64 = 'A-Za-z0-9+/'
const WORD = 'A-Za-z0-9_-'

/** A token that its issuer marks by a prefix. */
const token = (name: string, prefix: string, rest: string, hint = prefix.toLowerCase()): SecretFormat => ({
  name,
  hint,
  pattern: new RegExp(String.raw`(?<![${WORD}])${prefix}${rest}`, 'g'),
})

const PREFIXED: readonly SecretFormat[] = [
  {
    name: 'Breeze key',
    hint: 'brz',
    pattern: /\b(brz[a-z]{0,2}_)[A-Za-z0-9_-]{8,}/g,
    replacement: '$1[masked]',
  },
  token('AWS key', '(?:AKIA|ASIA)', String.raw`[0-9A-Z]{16}\b`, 'ia'),
  token('GitHub token', 'gh[pousr]_', '[A-Za-z0-9]{30,255}', 'gh'),
  token('GitHub token', 'github_pat_', '[A-Za-z0-9_]{22,255}'),
  token('GitLab token', 'gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent)-', `[${WORD}]{20,255}`, 'gl'),
  token('Slack token', 'xox[abeoprs]-', '[A-Za-z0-9-]{10,255}', 'xox'),
  token('Slack app token', 'xapp-', '[A-Za-z0-9-]{20,255}'),
  token('Stripe key', '[rs]k_(?:live|test)_', '[A-Za-z0-9]{16,255}', 'k_'),
  token('Stripe webhook secret', 'whsec_', '[A-Za-z0-9+/=]{20,255}'),
  token('npm token', 'npm_', String.raw`[A-Za-z0-9]{36}\b`),
  token('PyPI token', 'pypi-', `[${WORD}]{50,1000}`),
  token('Anthropic key', 'sk-ant-', `[${WORD}]{20,255}`),
  token('OpenAI key', 'sk-', `(?:proj-|svcacct-|admin-)?[${WORD}]{32,255}`),
  token('Google API key', 'AIza', `[${WORD}]{35}`),
  token('Google OAuth token', String.raw`ya29\.`, `[${WORD}]{20,1000}`, 'ya29.'),
  token('Google OAuth secret', 'GOCSPX-', `[${WORD}]{20,100}`),
  token('Hugging Face token', 'hf_', '[A-Za-z0-9]{30,100}'),
  token('SendGrid key', String.raw`SG\.`, String.raw`[${WORD}]{16,32}\.[${WORD}]{16,64}`, 'sg.'),
  token('Mailgun key', 'key-', String.raw`[0-9a-f]{32}\b`),
  token('Twilio key', 'SK', String.raw`[0-9a-f]{32}\b`),
  token('DigitalOcean token', 'do[opr]_v1_', String.raw`[0-9a-f]{64}\b`, '_v1_'),
  token('Vault token', String.raw`hv[bsr]\.`, `[${WORD}]{20,300}`, 'hv'),
  token('Grafana token', 'gl(?:sa|c)_', '[A-Za-z0-9_+/=]{30,255}', 'gl'),
  token('Databricks token', 'dapi', String.raw`[0-9a-f]{32}(?:-\d)?\b`),
  token('New Relic key', 'NRAK-', '[A-Z0-9]{20,40}'),
  token('Shopify token', 'shp(?:at|ca|pa|ss)_', '[0-9a-fA-F]{32}', 'shp'),
  token('Square token', 'sq0(?:atp|csp)-', `[${WORD}]{22,50}`, 'sq0'),
  token('Atlassian token', 'ATATT3', '[A-Za-z0-9_=+/-]{40,255}'),
  token('Bitbucket password', 'ATBB', '[A-Za-z0-9]{24,40}'),
  token('Notion token', '(?:ntn_|secret_)', String.raw`[A-Za-z0-9]{40,60}\b`, '_'),
  token('Linear key', 'lin_api_', '[A-Za-z0-9]{30,60}'),
  token('Postman key', 'PMAK-', '[0-9a-f]{24}-[0-9a-f]{34}'),
  token('Doppler token', String.raw`dp\.(?:pt|st|ct|sa)\.`, '[A-Za-z0-9._-]{30,100}', 'dp.'),
  token('Docker token', 'dckr_(?:pat|oat)_', `[${WORD}]{20,60}`, 'dckr_'),
  token('Tailscale key', 'tskey-', `[${WORD}]{10,100}`),
  token('age key', 'AGE-SECRET-KEY-1', '[A-Z0-9]{50,80}'),
  token('Dropbox token', String.raw`sl\.`, `[${WORD}]{60,300}`, 'sl.'),
  {
    name: 'Telegram bot token',
    hint: ':aa',
    pattern: /(?<![\w-])\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])/g,
  },
  {
    name: 'JSON web token',
    hint: 'eyj',
    pattern: /(?<![\w-])eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,8000}\.[A-Za-z0-9_-]{0,2000}/g,
  },
]

/** Blocks and lines of files that hold nothing but secrets. */
const FILES: readonly SecretFormat[] = [
  {
    name: 'private key',
    hint: 'private key',
    pattern:
      /-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)/g,
  },
  {
    name: 'private key',
    hint: 'ssh2 encrypted private key',
    pattern: /---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----[\s\S]*?(?:---- END SSH2 ENCRYPTED PRIVATE KEY ----|$)/g,
  },
  {
    name: 'private key',
    hint: 'private-lines:',
    pattern: /(Private-Lines: \d{1,4}\r?\n)(?:[A-Za-z0-9+/=]{1,80}(?:\r?\n|$)){1,200}/g,
    replacement: '$1[masked private key]\n',
  },
  {
    name: 'password hash',
    hint: '$',
    // crypt(5): yescrypt, bcrypt, SHA, MD5 and Apache's; argon2 and scrypt as PHC strings.
    pattern: /\$(?:y|gy|7|2[abxy]|5|6|1|apr1|argon2(?:id?|d)|scrypt|md5|sha1)\$[A-Za-z0-9./$=,+-]{13,300}/g,
  },
  {
    name: 'password hash',
    hint: ':::',
    // As hash dumpers print it: name:rid:LM:NT:::
    pattern: /(?<=:\d{1,6}:)[0-9a-f]{32}:[0-9a-f]{32}(?=:::)/gi,
  },
  {
    name: 'BitLocker recovery key',
    hint: '-',
    pattern: /(?<![\d-])\d{6}(?:-\d{6}){7}(?![\d-])/g,
  },
  {
    name: 'product key',
    hint: '-',
    // Microsoft's alphabet: no vowels that could spell a word, no 0 1 5-lookalikes; a digit must be in it.
    pattern:
      /(?<![A-Z0-9-])(?=[A-Z0-9-]{0,28}\d)[BCDFGHJKMNPQRTVWXY2346789]{5}(?:-[BCDFGHJKMNPQRTVWXY2346789]{5}){4}(?![A-Z0-9-])/g,
  },
  {
    name: 'pgpass password',
    hint: ':',
    pattern: /^([\w.*-]{1,255}:(?:\d{1,5}|\*):[\w.*-]{1,64}:[\w.*@-]{1,64}:)[^\s:]{3,200}$/gm,
    replacement: '$1[masked]',
  },
  {
    name: 'netrc password',
    hint: 'machine',
    pattern: /(\bmachine\s{1,8}\S{1,255}\s{1,8}login\s{1,8}\S{1,255}\s{1,8}password\s{1,8})\S{1,255}/g,
    replacement: '$1[masked]',
  },
]

const value = String.raw`(?:"[^"\n]{3,500}"|'[^'\n]{3,500}'|[^\s"'<>;,&]{3,500})`

/** What stands beside a word that says that it is secret. */
const NAMED: readonly SecretFormat[] = [
  {
    name: 'credentials',
    hint: '://',
    pattern: /(:\/\/[^\s/:@"']{0,64}):[^\s/@"']{1,256}@/g,
    replacement: '$1:[masked]@',
  },
  {
    name: 'authorization',
    hint: 'b',
    // A word in plain prose has neither a digit nor a capital within.
    pattern:
      /\b([Bb]earer|BEARER|[Bb]asic|BASIC|Negotiate|SSWS)(\s{1,4})(?=[A-Za-z._~+/-]{0,200}(?:[0-9=]|[a-z][A-Z]))[A-Za-z0-9._~+/=-]{12,4000}/g,
    replacement: '$1$2[masked]',
  },
  {
    name: 'authorization',
    hint: 'authorization',
    pattern:
      /(\b(?:proxy-)?authorization["']?\s{0,4}[:=]\s{0,4}["']?(?:bearer|basic|digest|token|apikey)?\s{0,4})(?!\[masked)[A-Za-z0-9._~+/=-]{8,4000}/gi,
    replacement: '$1[masked]',
  },
  {
    name: 'cookie',
    hint: 'cookie',
    pattern: /(\b(?:set-)?cookie:\s{0,4}[^\s=;]{1,100}=)[^\s;]{6,4000}/gi,
    replacement: '$1[masked]',
  },
  {
    name: 'webhook',
    hint: 'hooks.slack.com',
    pattern: /(hooks\.slack\.com\/(?:services|workflows|triggers)\/)[\w/-]{20,200}/g,
    replacement: '$1[masked]',
  },
  {
    name: 'webhook',
    hint: '/api/webhooks/',
    pattern: /(discord(?:app)?\.com\/api\/webhooks\/\d{5,25}\/)[\w-]{20,200}/g,
    replacement: '$1[masked]',
  },
  {
    name: 'webhook',
    hint: 'webhook.office.com',
    pattern: /(webhook\.office\.com\/webhookb2\/)[\w@/-]{20,400}/g,
    replacement: '$1[masked]',
  },
  {
    name: 'shared access signature',
    hint: 'sig=',
    pattern: /([?&;]sig=)[A-Za-z0-9%+/=_-]{20,200}/g,
    replacement: '$1[masked]',
  },
  {
    name: 'signed URL',
    hint: 'x-amz-signature=',
    pattern: /(X-Amz-Signature=)[0-9a-f]{64}/gi,
    replacement: '$1[masked]',
  },
  {
    name: 'storage key',
    hint: 'accountkey=',
    pattern: /(AccountKey=)[A-Za-z0-9+/=]{20,200}/gi,
    replacement: '$1[masked]',
  },
  {
    name: 'shared access key',
    hint: 'sharedaccesskey=',
    pattern: /(SharedAccessKey=)[A-Za-z0-9+/=]{20,200}/gi,
    replacement: '$1[masked]',
  },
  {
    name: 'registry login',
    hint: '"auth"',
    pattern: new RegExp(String.raw`("auth"\s{0,4}:\s{0,4}")[${B64}=]{8,2000}"`, 'g'),
    replacement: '$1[masked]"',
  },
  {
    name: 'wireless key',
    hint: 'psk',
    pattern: /(\b(?:wpa-)?psk\s{0,4}=\s{0,4})(?:"[^"\n]{8,63}"|[0-9a-f]{64}\b|[^\s"]{8,63})/gi,
    replacement: '$1[masked]',
  },
  {
    name: 'wireless key',
    hint: 'keymaterial>',
    pattern: /(<keyMaterial>)[^<\n]{1,200}/gi,
    replacement: '$1[masked]',
  },
  {
    name: 'wireless key',
    hint: 'key content',
    pattern: /(\bKey Content\s{1,40}:\s{0,4})\S[^\n]{0,100}/g,
    replacement: '$1[masked]',
  },
  {
    name: 'answer file password',
    hint: 'password>',
    pattern: /(<(?:\w{0,40})Password>\s{0,40}(?:<Value>)?)[^<\s][^<\n]{0,200}/gi,
    replacement: '$1[masked]',
  },
  {
    name: 'WireGuard key',
    hint: 'key',
    pattern: /(\b(?:PrivateKey|PresharedKey)\s{0,4}=\s{0,4})[A-Za-z0-9+/]{42,43}=?/gi,
    replacement: '$1[masked]',
  },
  {
    name: 'secure string',
    hint: 'convertto-securestring',
    pattern: new RegExp(String.raw`(ConvertTo-SecureString\s{1,8}(?:-String\s{1,8})?)${value}`, 'gi'),
    replacement: '$1[masked]',
  },
  {
    name: 'password argument',
    hint: 'net',
    pattern: /(\bnet1?(?:\.exe)?\s{1,8}user\s{1,8}(?:"[^"\n]{1,64}"|[^\s/"]{1,64})\s{1,8})(?![/*])\S{3,128}/gi,
    replacement: '$1[masked]',
  },
  {
    name: 'password argument',
    hint: '-p',
    pattern: /(\b(?:mysql(?:dump|admin)?|mariadb(?:-dump)?)\b[^\n|;]{0,200}?\s-p)(?!\s)[^\s'"]{3,128}/g,
    replacement: '$1[masked]',
  },
  {
    name: 'password argument',
    hint: 'sshpass',
    pattern: /(\bsshpass\s{1,4}-p\s{0,4})\S{1,128}/g,
    replacement: '$1[masked]',
  },
  {
    name: 'user and password argument',
    hint: 'curl',
    pattern: /(\bcurl\b[^\n|;]{0,300}?\s(?:-u|--user)[\s=]{1,4}["']?[^\s:"']{1,64}:)[^\s"']{1,128}/g,
    replacement: '$1[masked]',
  },
]

export const SECRET_FORMATS: readonly SecretFormat[] = [...FILES, ...PREFIXED, ...NAMED]
