/// What a value takes in memory while a text is read, in bytes: json-c's tree and ours lie there
/// together.
///
/// Each number is what the peak of a process grew by for one value more (json-c 0.16, glibc),
/// rounded up.
enum JSONMemory {
  /// json-c begins every object with a table of 16 places.
  static let object = 850
  /// A key and its place in the table, which has grown to what it holds.
  static let member = 200
  static let array = 190
  static let string = 150
  /// A byte of a string or of a key, which stands in both trees and in the library's buffer.
  static let textByte = 3
  /// Beside its text, which the library keeps of a number with a fraction.
  static let number = 130
  static let flag = 100
  /// A place in an array; the library has no value for it.
  static let null = 40
}
