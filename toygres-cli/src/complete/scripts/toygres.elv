# Completion of toygres in elvish: eval (toygres completions elvish | slurp)
#
# Every press of the key asks toygres, which reads the plugins that are there then.

use str

set edit:completion:arg-completer[toygres] = {|@words|
    var at = (to-string (- (count $words) 1))
    # The toygres that was typed, where that is a path.
    var program = toygres
    if (str:contains $words[0] /) {
        set program = $words[0]
    }
    try {
        (external $program) completions elvish --at $at -- $@words 2>/dev/null | from-lines | each {|line|
            var value help = (str:split &max=2 "\t" $line"\t")
            set help = (str:trim-right $help "\t")
            var suffix = ' '
            if (or (str:has-suffix $value /) (str:has-suffix $value =)) {
                set suffix = ''
            }
            if (eq $help '') {
                edit:complex-candidate $value &code-suffix=$suffix
            } else {
                edit:complex-candidate $value &code-suffix=$suffix &display=$value' ('$help')'
            }
        }
    } catch error {
        nop $error
    }
}
