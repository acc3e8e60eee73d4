import { Tag } from './tag.tsx'

/** A scope's name, outlined by the highest tier that it opens. */
export function Scope({ scope }: { scope: string }) {
  const level = scope.slice(Math.max(scope.indexOf(':'), scope.indexOf('.')) + 1)
  return (
    <Tag mono tone={level.startsWith('execute') ? 't3' : level === 'write' ? 't2' : 'plain'}>
      {scope}
    </Tag>
  )
}

export const Scopes = ({ scopes }: { scopes: readonly string[] }) => (
  <span className="flex flex-wrap gap-1">
    {scopes.map((scope) => (
      <Scope key={scope} scope={scope} />
    ))}
  </span>
)
