import Conversion

extension ConversionWarning {
  /// Whether it speaks of the sites, not of what is written.
  var isOfSites: Bool {
    if case .sites = self { true } else { false }
  }
}
