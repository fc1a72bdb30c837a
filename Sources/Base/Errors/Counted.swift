/// How many of something there are: "1 chunk", "2 chunks".
/// - Parameters:
///   - number: how many.
///   - noun: what one of them is called; several have an s behind it.
/// - Returns: the words.
package func counted(_ number: Int, _ noun: String) -> String {
  "\(number) \(noun)\(number == 1 ? "" : "s")"
}
