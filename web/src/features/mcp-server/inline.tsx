/** A sentence in which words between backticks are what a machine reads. */
export const Inline = ({ text }: { text: string }) =>
  text.split('`').map((part, index) =>
    index % 2 === 0 ? (
      part
    ) : (
      // The parts of a sentence never change places.
      // oxlint-disable-next-line react/no-array-index-key
      <code key={index} className="wrap-anywhere">
        {part}
      </code>
    ),
  )
