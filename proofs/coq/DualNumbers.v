(** Dual numbers: forward mode and BPTT in any commutative ring, finite fields among them, where there are no limits.

    An element eps with eps eps = 0 stands for a change so small that its square vanishes. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Refseq Require Import Linear.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

Section DualNumbers.

Variables (K : comRingType) (eps : K).
Hypothesis eps_squared : eps * eps = 0.

Section Expressions.

(** Formulas of N variables made of sums, products and constants. *)
Variable N : nat.

Inductive formula := Cst of K | Var of 'I_N | Plus of formula & formula | Times of formula & formula.

Fixpoint value (e : formula) (v : 'cV[K]_N) : K :=
  match e with
  | Cst c => c
  | Var i => v i 0
  | Plus a b => value a v + value b v
  | Times a b => value a v * value b v
  end.

(** Its tangent along d, by the rules of refseq/fields/differential.py: of a sum, and of a product. *)
Fixpoint tangent_of (e : formula) (v d : 'cV[K]_N) : K :=
  match e with
  | Cst _ => 0
  | Var i => d i 0
  | Plus a b => tangent_of a v d + tangent_of b v d
  | Times a b => tangent_of a v d * value b v + value a v * tangent_of b v d
  end.

(** A formula that is computed with dual numbers v + eps d has the value, and eps times the tangent.
    Code: refseq/fields/differential.py Dual; refseq/gradients/tangents.py DualNumbers
    Scope: every commutative ring with eps eps = 0, formula of sums and products, number of variables *)
Theorem dual_numbers_carry_tangents e v d : value e (v + eps *: d) = value e v + eps * tangent_of e v d.
Proof.
elim: e => [c|i|a IHa b IHb|a IHa b IHb] /=; first by rewrite mulr0 addr0.
- by rewrite !mxE.
- by rewrite IHa IHb mulrDr addrACA.
rewrite IHa IHb mulrDl !mulrDr -!addrA; congr (_ + _).
have -> : eps * tangent_of a v d * (eps * tangent_of b v d) = 0 by rewrite mulrACA eps_squared mul0r.
by rewrite addr0 addrC !mulrA [value a v * eps]mulrC.
Qed.

(** The partial derivative in variable number j. *)
Definition partial e v j : K := tangent_of e v (delta_mx j 0).

Lemma tangent_partial e v d : tangent_of e v d = \sum_j partial e v j * d j 0.
Proof.
rewrite /partial; elim: e => [c|i|a IHa b IHb|a IHa b IHb] /=.
- by rewrite big1 // => j _; rewrite mul0r.
- rewrite (bigD1 i) //= mxE !eqxx mul1r big1 ?addr0 // => j /negPf other.
  by rewrite mxE eq_sym other mul0r.
- by rewrite IHa IHb -big_split; apply: eq_bigr => j _; rewrite mulrDl.
rewrite IHa IHb mulr_suml mulr_sumr -big_split; apply: eq_bigr => j _ /=.
by rewrite mulrDl mulrAC mulrA.
Qed.

End Expressions.

Section Sequences.

Variables (n m p : nat).
Variables (step : nat -> 'cV[K]_n -> 'cV[K]_p -> 'cV[K]_n) (out : nat -> 'cV[K]_n -> 'cV[K]_p -> 'cV[K]_m).

Fixpoint state (u : nat -> 'cV[K]_p) s0 t := if t is t'.+1 then step t' (state u s0 t') (u t') else s0.

(** f has the partial derivatives A and B at (s, u), to the first order in eps. *)
Definition first_order k (f : 'cV[K]_n -> 'cV[K]_p -> 'cV[K]_k) s u (A : 'M_(k, n)) (B : 'M_(k, p)) : Prop :=
  forall ds du, f (s + eps *: ds) (u + eps *: du) = f s u + eps *: (A *m ds + B *m du).

(** A step whose entries are formulas has the partial derivatives of the formulas.
    Code: refseq/fields/differential.py Dual; refseq/gradients/tangents.py DualNumbers
    Scope: every commutative ring with eps eps = 0, formulas of sums and products, sizes n, p, k *)
Theorem formulas_are_first_order k (e : 'I_k -> formula (n + p)) s u :
  first_order (fun s u => \col_i value (e i) (col_mx s u)) s u
    (\matrix_(i, j) partial (e i) (col_mx s u) (lshift p j)) (\matrix_(i, j) partial (e i) (col_mx s u) (rshift n j)).
Proof.
move=> ds du; apply/colP => i; rewrite !mxE.
rewrite (_ : col_mx (s + _) _ = col_mx s u + eps *: col_mx ds du); last by rewrite scale_col_mx add_col_mx.
rewrite dual_numbers_carry_tangents tangent_partial big_split_ord /=; congr (_ + _ * (_ + _)).
  by apply: eq_bigr => j _; rewrite mxE col_mxEu.
by apply: eq_bigr => j _; rewrite mxE col_mxEd.
Qed.

Variables (S : steps K n m p) (u : nat -> 'cV[K]_p) (s0 : 'cV[K]_n).
Hypothesis steps_first_order : forall t, first_order (step t) (state u s0 t) (u t) (A S t) (B S t).
Hypothesis outputs_first_order : forall t, first_order (out t) (state u s0 t) (u t) (C S t) (D S t).

(** A run on dual numbers gives the run, and eps times the tangents of forward mode; the loss gives the loss, and eps
    times BPTT's gradient applied to the direction. With eps = X modulo X^2 that is the derivative of a polynomial.
    Code: refseq/gradients/forward_mode.py jvp; refseq/scan.py backward_row, gradient_row
    Scope: every commutative ring with eps eps = 0, steps of first order, sizes n, m, p, length T *)
Theorem bptt_is_first_order (du : nat -> 'cV[K]_p) (ds0 : 'cV[K]_n) (dy : nat -> 'rV[K]_m) (e : 'rV[K]_n) T
    (loss := fun u s0 => \sum_(t < T) dy t *m out t (state u s0 t) (u t) + e *m state u s0 T)
    (moved := fun t => u t + eps *: du t) :
  state moved (s0 + eps *: ds0) T = state u s0 T + eps *: tangent S du ds0 T
  /\ loss moved (s0 + eps *: ds0)
     = loss u s0 + eps *: (cotangent S dy e T 0 *m ds0 + \sum_(t < T) gradient S dy e T t *m du t).
Proof.
have states t : state moved (s0 + eps *: ds0) t = state u s0 t + eps *: tangent S du ds0 t.
  by elim: t => [|t IH] //=; rewrite IH steps_first_order.
split=> //; rewrite -vjp_is_adjoint_of_jvp /loss states scalerDr scaler_sumr.
rewrite mulmxDr -scalemxAr addrACA -big_split /=; congr (_ + _); apply: eq_bigr => t _.
by rewrite states outputs_first_order mulmxDr scalemxAr.
Qed.

End Sequences.

End DualNumbers.
