import Foundation

/// The program's own environment variables. C reads `ROPECONV_ISA` besides.
package enum EnvironmentVariable: String, CaseIterable, Sendable {
  /// The most that kernels may use of the CPU's instructions.
  case instructionSet = "ROPECONV_ISA"
  /// A folder of data files of families, read in every call.
  case architectures = "ROPECONV_ARCHITECTURES"
  /// The folder of all data files, in place of the one beside the program.
  case formats = "ROPECONV_FORMATS"
  /// `off`: what sequences begin with alike is computed for each of them.
  case sharedPrefixes = "ROPECONV_SHARED_PREFIXES"
  /// Set by `run` for its steps: the process that they end with.
  case parent = "ROPECONV_PARENT"

  /// Its value; nil where it is not set.
  package var value: String? { ProcessInfo.processInfo.environment[rawValue] }
}
