import CKernels

/// The temporary files and folders that are removed where a signal ends the process: one
/// from outside, or of a fault of its own.
package enum TemporaryRegistry {
  /// A folder is registered before the files in it.
  package static func register(_ path: String) { rc_register_temporary(path) }
  package static func unregister(_ path: String) { rc_unregister_temporary(path) }
}

/// The mapped files, which a SIGBUS names: one of them was cut short.
enum MappingRegistry {
  static func register(_ base: UnsafeMutableRawPointer, _ size: Int, _ path: String) {
    rc_register_mapping(base, size, printable(path))
  }

  static func unregister(_ base: UnsafeMutableRawPointer) { rc_unregister_mapping(base) }
}
