/** Breeze's mark. */
export const Mark = ({ className = 'size-6' }: { className?: string }) => (
  <svg
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    strokeWidth="2.4"
    strokeLinecap="round"
    aria-hidden="true"
    className={`shrink-0 text-accent ${className}`}
  >
    <path d="M3 8.5h11.2a3 3 0 1 0-2.7-4.3" />
    <path d="M3 13h15.2a3 3 0 1 1-2.7 4.3" />
    <path d="M3 17.5h6" />
  </svg>
)
