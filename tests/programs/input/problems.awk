# Prints a problem in SMT-LIB: pigeons, bits, numbers, arrays, words or reals.
function chance(n) { state = (state * 69069 + 1) % 4294967296; return int(state / 4294967296 * n) }

# One pigeon more than holes: no solution, which takes long to show.
function pigeons(n,    i, k, m, line) {
    print "(set-logic QF_UF)"
    for (i = 0; i <= n; i++) {
        line = "(assert (or"
        for (k = 0; k < n; k++) {
            printf "(declare-const p%d_%d Bool)\n", i, k
            line = line " p" i "_" k
        }
        print line "))"
    }
    for (k = 0; k < n; k++)
        for (i = 0; i <= n; i++)
            for (m = 0; m < i; m++) printf "(assert (or (not p%d_%d) (not p%d_%d)))\n", i, k, m, k
    print "(check-sat)"
}

# Multiplication is commutative and distributive over bits; and factors of a number.
function bits() {
    print "(set-option :produce-models true)\n(set-logic QF_BV)"
    print "(declare-const a (_ BitVec 8))\n(declare-const b (_ BitVec 8))\n(declare-const c (_ BitVec 8))"
    print "(push)\n(assert (distinct (bvmul a (bvadd b c)) (bvadd (bvmul a b) (bvmul a c))))\n(check-sat)\n(pop)"
    print "(push)\n(assert (distinct (bvmul a b) (bvmul b a)))\n(check-sat)\n(pop)"
    print "(declare-const x (_ BitVec 32))\n(declare-const y (_ BitVec 32))"
    print "(assert (= (bvmul x y) (_ bv1022117 32)))\n(assert (bvult #x00000001 x))\n(assert (bvult x y))"
    print "(assert (bvult y #x00000fff))\n(check-sat)\n(get-value (x y))"
}

# Many scheduling problems, one after the other, some without a solution.
function numbers(    round, i, k) {
    print "(set-option :produce-models true)\n(set-logic QF_LIA)"
    for (i = 0; i < 40; i++) printf "(declare-const t%d Int)\n(assert (<= 0 t%d 600))\n", i, i
    for (round = 0; round < 60; round++) {
        print "(push)"
        for (i = 0; i < 40; i++)
            for (k = 0; k < i; k++)
                if (chance(10) < 9)
                    printf "(assert (or (<= (+ t%d %d) t%d) (<= (+ t%d %d) t%d)))\n", i, 2 + chance(5), k, k, 2 + chance(5), i
        printf "(assert (<= (+ t0 t1 t2 (* 2 t3)) %d))\n(check-sat)\n(pop)\n", 3 + chance(30)
    }
}

# Writes to an array in different orders lead to the same array.
function arrays(    i, n) {
    n = 90
    print "(set-logic QF_AUFLIA)\n(declare-const a (Array Int Int))\n(declare-fun f (Int) Int)"
    for (i = 0; i < n; i++) printf "(declare-const i%d Int)\n(declare-const v%d Int)\n", i, i
    printf "(assert (distinct"
    for (i = 0; i < n; i++) printf " i%d", i
    print "))"
    printf "(define-fun left () (Array Int Int) "
    for (i = 0; i < n; i++) printf "(store "
    printf "a"
    for (i = 0; i < n; i++) printf " i%d v%d)", i, i
    printf ")\n(define-fun right () (Array Int Int) "
    for (i = 0; i < n; i++) printf "(store "
    printf "a"
    for (i = n - 1; i >= 0; i--) printf " i%d v%d)", i, i
    print ")\n(assert (distinct (f (select left i0)) (f (select right i0))))\n(check-sat)"
    print "(reset)\n(set-logic AUFLIA)\n(declare-const a (Array Int Int))"
    print "(declare-fun g (Int) Int)\n(assert (forall ((x Int)) (=> (<= 0 x 300) (= (g (+ x 1)) (+ (g x) 1)))))"
    print "(assert (= (g 0) 0))\n(assert (distinct (g 250) 60))\n(check-sat)"
}

# Equations between strings, one of which matches a regular expression.
function words() {
    print "(set-logic QF_SLIA)"
    print "(declare-const a String)\n(declare-const b String)\n(declare-const c String)"
    print "(assert (= (str.++ a \"ab\" b c) (str.++ b \"ba\" c a)))"
    print "(assert (str.in_re a (re.+ (re.union (str.to_re \"ab\") (str.to_re \"ba\") (str.to_re \"aab\")))))"
    print "(assert (< 10 (str.len a)))\n(assert (< 5 (str.len b) 9))\n(assert (not (str.contains c \"aa\")))"
    print "(check-sat)"
}

# Polynomials over the reals.
function reals() {
    print "(set-logic QF_NRA)\n(declare-const x Real)\n(declare-const y Real)\n(declare-const z Real)"
    print "(assert (< (+ (* x x x x) (* y y y y) (* z z z z)) (* 3 x y z)))\n(assert (> (* x y z) 2))"
    print "(check-sat)"
}

BEGIN {
    state = 42
    if (problem == "pigeons") pigeons(8)
    if (problem == "bits") bits()
    if (problem == "numbers") numbers()
    if (problem == "arrays") arrays()
    if (problem == "words") words()
    if (problem == "reals") reals()
}
