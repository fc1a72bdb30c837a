import Base
import Checkpoints
import Foundation
import OrderedCollections
import Tensors

/// This program, as results name it.
package enum Program {
  package static let name = "ropeconv"
  package static let version = "0.1.0"
  /// Grows with every change after which the same work gives other last digits: results of before it
  /// have another key, and are not continued.
  ///
  /// 2: float32 weights in panels. 3: with AVX2 a row's digits do not depend on how many others a
  /// product has. 4: KL divergences of targets are not cut at zero.
  static let arithmeticRevision = 4

  /// Names and versions of the libraries that multiply matrices.
  static var libraries: JSONValue {
    .object(.init(uniqueKeysWithValues: Libraries.versions.map { ($0.0, .string($0.1)) }))
  }

  /// `program` of a result.
  static var description: JSONValue {
    [
      "name": .string(name), "version": .string(version),
      "instruction_set": .string(InstructionSet.current), "libraries": libraries,
      "library_instruction_set": .string(Libraries.instructionSet),
    ]
  }

  /// What made a result, and when: `program` and `date`.
  package static func stamp(_ date: Date = Date()) -> OrderedDictionary<String, JSONValue> {
    ["program": description, "date": .string(date.ISO8601Format())]
  }
}
